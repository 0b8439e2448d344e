import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCollateralFetch, type FetchOptions } from '../../../src/app/collateral/fetch.js';
import { type ImportOptions, runCollateralImport } from '../../../src/app/collateral/import.js';
import { runCollateralShow } from '../../../src/app/collateral/show.js';
import { createKmsApp, type KmsApp } from '../../../src/app/kms.js';
import type { EvidenceSource } from '../../../src/attestation/evidence/evidence-source.js';
import { parseRecording, recordingJson, type RecordedAnswer } from '../../../src/attestation/recording.js';
import { parseSnpReport } from '../../../src/attestation/sev-snp/report.js';
import { encodeAttestation } from '../../../src/attestation/wire/decode.js';
import { developmentGcpPcr0 } from '../../../src/simulator/gcp-firmware.js';
import { developmentGcpImage } from '../../../src/simulator/gcp-image.js';
import { createDevelopmentGcpTdx } from '../../../src/simulator/gcp-tdx-platform.js';
import { DEVELOPMENT_ROOT_FILES } from '../../../src/simulator/roots.js';
import { snpLaunchDigest } from '../../../src/simulator/snp-machine.js';
import { createDevelopmentSnp } from '../../../src/simulator/snp-platform.js';
import { createDevelopmentTpmPki } from '../../../src/simulator/tpm-pki.js';
import { vendorAnswers } from '../../../src/simulator/vendor-answers.js';
import { certificatePem } from '../../../src/x509/pem.js';
import { type FakeServer, startFakeServer } from '../../outbound/support/http-fake.js';
import { attestedClient, clock, configOf, createWorkspace, IMAGE, launchMeasurements, NOW, SEED, testApp, type Workspace } from '../support/development-kms.js';
import { portOf } from '../support/recorded-kms.js';
import { TlsClient } from '../support/tls-client.js';

const DAY = 86_400;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const image = developmentGcpImage(IMAGE);
const GCP_CONFIG = JSON.stringify({ os_image_hash: hex(image.osImageHash), gcp_measurement: image.document });
const started: KmsApp[] = [];
let workspace: Workspace;
/** Where Intel, Google and AMD are, as long as there is a network. */
let vendors: FakeServer;
let host: string;
let gcp: EvidenceSource;
let snp: EvidenceSource;
let roots: readonly string[];
/** What the vendors answer at a time. */
let answersAt: (now: number) => readonly RecordedAnswer[];

beforeAll(async () => {
  workspace = createWorkspace();
  vendors = await startFakeServer();
  host = new URL(vendors.url).host;
  answersAt = (now) => vendorAnswers(SEED, { now, publishedAt: vendors.url });
  const answers = answersAt(NOW);
  vendors.respond = ({ url = '' }, response) => {
    const found = answers.find(({ target }) => target === url);
    response.writeHead(found?.status ?? 404, found?.headers ?? {}).end(found?.body);
  };
  const app = { ...testApp('without a network'), instanceId: Buffer.alloc(20, 7), keyProvider: null, storageFs: '' };
  gcp = createDevelopmentGcpTdx({ seed: SEED, clock, app, imageHash: image.osImageHash, vmConfig: GCP_CONFIG, ukiDigest: image.ukiDigest, publishedAt: vendors.url });
  snp = createDevelopmentSnp({ seed: SEED, app, imageHash: IMAGE, vmConfig: JSON.stringify({ os_image_hash: hex(IMAGE) }) });
  writeFileSync(join(workspace.directory, DEVELOPMENT_ROOT_FILES.gcp_tpm), certificatePem(createDevelopmentTpmPki(SEED, { base: vendors.url }).root));
  roots = Object.values(DEVELOPMENT_ROOT_FILES).map((name) => join(workspace.directory, name));
});
afterAll(async () => {
  vendors.close();
  await Promise.all(started.map((kms) => kms.stop(500)));
});

const newPath = (name: string): string => join(mkdtempSync(join(tmpdir(), 'air-gap-')), name);
const file = (content: string | Uint8Array): string => {
  const path = newPath('file');
  writeFileSync(path, content);
  return path;
};

function io(now = NOW) {
  const lines: string[] = [];
  return { lines, readFile: (path: string) => readFile(path), now: () => now, out: (line: string) => lines.push(line), err: (line: string) => lines.push(line) };
}

/** A KMS that can ask nobody and admits everybody it can verify. */
async function startKms(cacheDir: string): Promise<number> {
  const attestation = { ...(workspace.core['attestation'] as object), collateral_file: null, collateral_cache_dir: cacheDir, certificate_hosts: [host], urls: { pccs: vendors.url, amd_kds: `${vendors.url}/vcek/v1` } };
  const known = file(JSON.stringify({ [hex(IMAGE)]: [launchMeasurements(IMAGE), { measurement: hex(snpLaunchDigest(IMAGE)) }] }));
  const kms = createKmsApp(
    configOf(workspace, {
      attestation,
      cert_dir: newPath('keys'),
      auth_api: { type: 'dev' },
      enforce_self_authorization: false,
      onboard: { address: '127.0.0.1', port: 0, auto_bootstrap_domain: 'localhost' },
      sev_snp_key_release: true,
      image: { known_measurements: known, gcp_pcr0: [hex(developmentGcpPcr0())] },
    }),
    { clock },
  );
  started.push(kms);
  await kms.start();
  return portOf(kms);
}

async function getKey(port: number, machine: EvidenceSource): Promise<Record<string, unknown>> {
  const client = await attestedClient(port, machine);
  const answer = (await client.call('GetKey', { name: 'n' })).json();
  client.close();
  return answer;
}

async function metricsOf(port: number): Promise<string> {
  const client = new TlsClient(port);
  const text = (await client.get('/metrics')).body.toString('utf8');
  client.close();
  return text;
}

const evidenceOf = async (machine: EvidenceSource): Promise<string> => file(encodeAttestation(await machine.attest(new Uint8Array(64))));
const fetching = async (machine: EvidenceSource | null, more: Partial<FetchOptions>): Promise<number> => {
  const places = { pccsUrls: [vendors.url], certificateHosts: [host], amdKdsUrl: `${vendors.url}/vcek/v1` };
  return runCollateralFetch({ fmspc: null, ca: null, tee: 'tdx', evidence: machine === null ? null : await evidenceOf(machine), snpProduct: null, chipId: null, tcb: null, places, roots, out: null, cacheDir: null, recording: null, ...more }, io());
};
const importing = (content: string, cacheDir: string, more: Partial<ImportOptions> = {}, world = io()): Promise<number> =>
  runCollateralImport({ file: file(content), cacheDir, roots, certificateHosts: [host], ...more }, world);

describe('collateral of vTPMs and SEV-SNP machines', () => {
  it('is imported into the directory of a running KMS without a network, which then verifies them', async () => {
    const recording = newPath('recording.json');
    expect(await fetching(gcp, { recording })).toBe(0);
    expect(await fetching(snp, { recording })).toBe(0);
    expect(JSON.parse(readFileSync(recording, 'utf8'))).toMatchObject({ version: 1 });
    const shown = io();
    expect(await runCollateralShow({ file: recording, cacheDir: null, roots }, shown)).toBe(0);
    for (const text of ['TDX collateral', `Certificate ${vendors.url}/aia/`, `Revocation list ${vendors.url}/crl/`, 'AMD intermediate certificate', 'AMD chip certificate', 'valid from 2020-01-01T00:00:00Z until 2100-01-01T00:00:00Z', '0 revoked']) expect(shown.lines.join('\n')).toContain(text);
    const direct = newPath('cache');
    expect(await fetching(gcp, { cacheDir: direct })).toBe(0);
    expect(readdirSync(direct).toSorted()).toEqual(['imported.json', expect.stringMatching(/^tdx-[0-9a-f]{12}-platform\.json$/)]);

    // The same for a chip that is only known by name.
    const { platform } = await snp.attest(new Uint8Array(64));
    if (platform.kind !== 'sev-snp') throw new Error('not SEV-SNP');
    const { chipId, reportedTcb } = parseSnpReport(platform.report);
    const chip = { snpProduct: 'Genoa', chipId: hex(chipId), tcb: hex(reportedTcb) };
    const named = newPath('recording.json');
    expect(await fetching(null, { ...chip, recording: named })).toBe(0);
    expect(await fetching(null, { ...chip, recording: newPath('none.json'), roots: [] })).toBe(1);
    expect(await fetching(null, { ...chip, chipId: '00'.repeat(64), recording: newPath('none.json') })).toBe(1);

    vendors.close();
    const byName = newPath('cache');
    expect(await importing(readFileSync(named, 'utf8'), byName)).toBe(0);
    expect(await getKey(await startKms(byName), snp)).toHaveProperty('key');
    const cacheDir = newPath('cache');
    const running = await startKms(cacheDir);
    for (const machine of [gcp, snp]) expect(await getKey(running, machine)).toMatchObject({ code: 'INTERNAL_ERROR' });
    expect(await importing(readFileSync(recording, 'utf8'), cacheDir)).toBe(0);
    for (const port of [running, await startKms(cacheDir), await startKms(direct)]) expect(await getKey(port, gcp)).toHaveProperty('key');
    for (const port of [running, await startKms(cacheDir)]) expect(await getKey(port, snp)).toHaveProperty('key');
    expect(await runCollateralShow({ file: null, cacheDir, roots }, io())).toBe(0);
    const metrics = await metricsOf(running);
    for (const kind of ['certificate', 'crl', 'amd-chain', 'amd-vcek']) expect(metrics).toMatch(new RegExp(`^dstack_published_stale_total\\{kind="${kind}"\\} [1-9]`, 'm'));
  });

  const changed = (url: RegExp, change: (answer: RecordedAnswer) => Partial<RecordedAnswer>): string => recordingJson(answersAt(NOW).map((answer) => (url.test(answer.url) ? { ...answer, ...change(answer) } : answer)));
  const flipped = ({ body }: RecordedAnswer): Pick<RecordedAnswer, 'body'> => ({ body: Uint8Array.from(body, (byte, i) => (i === body.length - 1 ? byte ^ 1 : byte)) });

  it.each<[string, (cacheDir: string) => Promise<number>]>([
    ['a forged certificate', (cacheDir) => importing(changed(/\/aia\//, flipped), cacheDir)],
    ['a forged list', (cacheDir) => importing(changed(/\/crl\/intermediate/, flipped), cacheDir)],
    ['a forged chip certificate', (cacheDir) => importing(changed(/\/vcek\/v1\/.*\?/, flipped), cacheDir)],
    ['forged DCAP collateral among it', (cacheDir) => importing(changed(/\/pckcrl/, flipped), cacheDir)],
    ['something that is none', (cacheDir) => importing(changed(/\/aia\//, () => ({ body: Buffer.from('<html>') })), cacheDir)],
    ['a host that is not configured', (cacheDir) => importing(changed(/\/aia\//, ({ target }) => ({ url: `http://elsewhere.invalid${target}` })), cacheDir)],
    ['AMD\'s, without its root', (cacheDir) => importing(recordingJson(answersAt(NOW)), cacheDir, { roots: roots.filter((name) => !name.includes('snp')) })],
    ['a list that has ended', (cacheDir) => importing(recordingJson(answersAt(NOW).filter(({ url }) => /\/(?:aia|crl)\//.test(url))), cacheDir, {}, io(NOW + 31 * DAY))],
    ['another version of the format', (cacheDir) => importing(recordingJson(answersAt(NOW)).replace('"version": 1', '"version": 2'), cacheDir)],
  ])('is not imported, none of it, when there is %s', async (_name, refused) => {
    const cacheDir = newPath('cache');
    expect(await refused(cacheDir)).toBe(1);
    expect(existsSync(cacheDir)).toBe(false);
  });

  it('leaves what is there when it is refused, for being older too', async () => {
    const cacheDir = newPath('cache');
    expect(await importing(recordingJson(answersAt(NOW)), cacheDir)).toBe(0);
    const before = readFileSync(join(cacheDir, 'imported.json'), 'utf8');
    const lists = (now: number): string => recordingJson(answersAt(now).filter(({ url }) => /\/(?:aia|crl)\//.test(url)));
    expect(await importing(lists(NOW - 2 * DAY), cacheDir)).toBe(1);
    expect(await importing(changed(/\/crl\/intermediate/, flipped), cacheDir)).toBe(1);
    expect(readFileSync(join(cacheDir, 'imported.json'), 'utf8')).toBe(before);
    const later = io(NOW + 2 * DAY);
    expect(await importing(lists(NOW + 2 * DAY), cacheDir, {}, later)).toBe(0);
    // AMD's are still beside them.
    expect(parseRecording(readFileSync(join(cacheDir, 'imported.json'), 'utf8'))).toHaveLength(parseRecording(before).length);
  });

  it('replaces a file of imports that somebody broke, and is shown as broken', async () => {
    const cacheDir = newPath('cache');
    expect(await importing(recordingJson(answersAt(NOW)), cacheDir)).toBe(0);
    writeFileSync(join(cacheDir, 'imported.json'), '{"version": 1, "answers": [');
    expect(await runCollateralShow({ file: null, cacheDir, roots }, io())).toBe(1);
    expect(await importing(recordingJson(answersAt(NOW)), cacheDir)).toBe(0);
    expect(await runCollateralShow({ file: null, cacheDir, roots }, io())).toBe(0);
  });

  it('is limited in number', async () => {
    const [aia] = answersAt(NOW).filter(({ url }) => url.includes('/aia/'));
    if (aia === undefined) throw new Error('no certificate');
    const many = (count: number): string => recordingJson(Array.from({ length: count }, (_, i) => ({ ...aia, url: `${aia.url}?${i}` })));
    expect(await importing(many(256), newPath('cache'))).toBe(0);
    expect(await importing(many(257), newPath('cache'))).toBe(1);
  });
});
