import { mkdtempSync, readdirSync, renameSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createEvidenceSources } from '../../src/app/evidence-sources.js';
import { createKmsApp, type KmsApp } from '../../src/app/kms.js';
import { SILENT } from '../../src/app/log.js';
import type { QuoteCollateral } from '../../src/attestation/collateral.js';
import { collateralJson } from '../../src/attestation/dcap/collateral-json.js';
import { createAttestationVerifier } from '../../src/attestation/evidence/attestation-verifier.js';
import { vendorRoots } from '../../src/attestation/roots/vendor-roots.js';
import { decodeAttestation } from '../../src/attestation/wire/decode.js';
import { pccsAnswer } from '../../src/simulator/pccs-answers.js';
import { DEVELOPMENT_MACHINE } from '../../src/simulator/tdx-machine.js';
import { evidenceIndex, evidenceRoots } from '../attestation/evidence/evidence-index.js';
import { vector, vectorText } from '../attestation/vectors.js';
import { type FakeServer, startFakeServer } from '../outbound/support/http-fake.js';
import { forged, NOW, pki, signedCollateral, WANTED } from '../outbound/support/signed-collateral.js';
import { attestedClient, clock, configOf, createWorkspace, machineOf, testApp } from './support/development-kms.js';
import { portOf } from './support/recorded-kms.js';
import { TlsClient } from './support/tls-client.js';

const machine = machineOf(testApp('listed'));
const apps: KmsApp[] = [];
const fakes: FakeServer[] = [];
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.stop(500)));
  fakes.splice(0).forEach((fake) => fake.close());
});

async function service(alter: (collateral: QuoteCollateral) => QuoteCollateral = (collateral) => collateral): Promise<FakeServer> {
  const collateral = alter(await machine.collateral.getCollateral({ tee: 'tdx', fmspc: DEVELOPMENT_MACHINE.fmspc, ca: 'platform' }));
  const fake = await startFakeServer();
  fakes.push(fake);
  fake.respond = ({ url = '' }, response) => {
    const { status, headers, body } = pccsAnswer(collateral, url);
    response.writeHead(status, headers).end(body);
  };
  return fake;
}

const forging = (): Promise<FakeServer> => service((collateral) => ({ ...collateral, pckCrl: Uint8Array.from(collateral.pckCrl, (byte, i) => (i === collateral.pckCrl.length - 1 ? byte ^ 1 : byte)) }));

/** A KMS that releases to everything genuine and has its collateral from these services. */
function kmsOf(services: readonly FakeServer[], cacheDir: string | null): () => Promise<KmsApp> {
  const workspace = createWorkspace();
  const attestation = { ...(workspace.core['attestation'] as object), collateral_file: null, collateral_cache_dir: cacheDir, urls: { pccs: services.map(({ url }) => url) } };
  const core = { attestation, auth_api: { type: 'dev' }, enforce_self_authorization: false, onboard: { address: '127.0.0.1', port: 0, auto_bootstrap_domain: 'localhost' } };
  return async () => {
    const app = createKmsApp(configOf(workspace, core), { clock });
    apps.push(app);
    await app.start();
    return app;
  };
}

async function getKey(app: KmsApp): Promise<Record<string, unknown>> {
  const client = await attestedClient(portOf(app), machine);
  const answer = (await client.call('GetKey', { name: 'n' })).json();
  client.close();
  return answer;
}

async function metricsOf(app: KmsApp): Promise<ReadonlyMap<string, number>> {
  const client = new TlsClient(portOf(app));
  const text = (await client.get('/metrics')).body.toString('utf8');
  client.close();
  return new Map(text.split('\n').filter((line) => line.startsWith('dstack_')).map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]));
}

describe('a KMS and its collateral', () => {
  it('comes from whichever service delivers what verifies, is counted, and survives a restart with every service down', async () => {
    const services = [await service(), await forging(), await service()];
    services[0]?.close();
    const cacheDir = join(mkdtempSync(join(tmpdir(), 'kms-collateral-')), 'cache');
    const start = kmsOf(services, cacheDir);
    const first = await start();
    const key = await getKey(first);
    expect(key).toHaveProperty('key');
    const metrics = await metricsOf(first);
    expect(metrics.get('dstack_collateral_fetches_total')).toBe(3);
    expect(metrics.get('dstack_collateral_fetch_failures_total{endpoint="0",code="COLLATERAL_UNAVAILABLE"}')).toBe(1);
    expect(metrics.get('dstack_collateral_fetch_failures_total{endpoint="1",code="COLLATERAL_REJECTED"}')).toBe(1);
    expect(metrics.get('dstack_collateral_entries')).toBe(1);
    expect(metrics.get('dstack_collateral_oldest_age_seconds')).toBe(0);
    expect(metrics.get('dstack_collateral_next_update_seconds')).toBeGreaterThan(29 * 86_400);
    expect(metrics.get('dstack_published_fetches_total{kind="crl"}')).toBe(0);
    await first.stop(500);
    expect(readdirSync(cacheDir)).toHaveLength(1);
    fakes.splice(0).forEach((fake) => fake.close());
    const second = await start();
    expect((await metricsOf(second)).get('dstack_collateral_entries')).toBe(1);
    expect(await getKey(second)).toEqual(key);
    expect((await metricsOf(second)).get('dstack_collateral_fetches_total')).toBe(0);
  });

  it('when forged by every service is an internal error, no verdict about the caller, and is forgotten', async () => {
    const bad = await forging();
    const app = await kmsOf([bad], null)();
    expect(await getKey(app)).toMatchObject({ code: 'INTERNAL_ERROR' });
    expect((await metricsOf(app)).get('dstack_collateral_entries')).toBe(0);
    bad.respond = (await service()).respond;
    expect(await getKey(app)).toHaveProperty('key');
  });

  it('is looked up for genuine quotes only', async () => {
    const pccs = await service();
    const roots = { ...vendorRoots(), tdx: machine.root };
    const places = { collateralFile: null, pccsUrls: [pccs.url], collateralCache: { directory: null, maxAgeSeconds: null, refreshSeconds: 3_600 }, certificateHosts: [] };
    const { collateral, certificates, close } = createEvidenceSources(places, { roots, clock, log: SILENT });
    const verifier = createAttestationVerifier({ roots, collateral, certificates, clock });
    const attestation = await machine.attest(new Uint8Array(64));
    const { platform } = attestation;
    if (platform.kind !== 'tdx') throw new Error('not TDX');
    // A byte of MRTD, which the quote's signature covers.
    const quote = Uint8Array.from(platform.quote, (byte, i) => (i === 184 ? byte ^ 1 : byte));
    await expect(verifier.verify({ ...attestation, platform: { ...platform, quote } })).rejects.toMatchObject({ name: 'VerificationError', code: 'QUOTE_SIGNATURE_INVALID' });
    expect(pccs.asked).toEqual([]);
    await verifier.verify(attestation);
    expect(pccs.asked).toHaveLength(4);
    await close();
  });

  it('that cannot be had is an internal error as well', async () => {
    const gone = await service();
    gone.close();
    expect(await getKey(await kmsOf([gone], null)())).toMatchObject({ code: 'INTERNAL_ERROR' });
  });
});

describe('a file of collateral', () => {
  it('is used as soon as it changes, unless it holds nothing better than before', async () => {
    const collateralFile = join(mkdtempSync(join(tmpdir(), 'collateral-file-')), 'collateral.json');
    const state = { now: NOW };
    writeFileSync(collateralFile, collateralJson(signedCollateral(NOW)));
    const places = { collateralFile, pccsUrls: [], collateralCache: { directory: null, maxAgeSeconds: null, refreshSeconds: 86_400 }, certificateHosts: [] };
    const { collateral, close } = createEvidenceSources(places, { roots: { ...vendorRoots(), tdx: pki.root }, clock: () => state.now, log: SILENT });
    const get = (): Promise<QuoteCollateral> => collateral.getCollateral(WANTED);
    expect(await get()).toEqual(signedCollateral(NOW));
    const newer = signedCollateral(NOW + 7_200);
    state.now += 7_200;
    writeFileSync(collateralFile, collateralJson(newer));
    for (const each of await Promise.all([get(), get()])) expect(each).toEqual(newer);
    for (const worse of ['', '{"pck_crl"', collateralJson(forged(signedCollateral(NOW + 7_200))), collateralJson(signedCollateral(NOW))]) {
      writeFileSync(collateralFile, worse);
      expect(await get()).toEqual(newer);
    }
    unlinkSync(collateralFile);
    expect(await get()).toEqual(newer);
    // By another file in its place, as configuration management does it.
    const newest = signedCollateral(NOW + 14_400);
    state.now += 7_200;
    writeFileSync(`${collateralFile}.new`, collateralJson(newest));
    renameSync(`${collateralFile}.new`, collateralFile);
    expect(await get()).toEqual(newest);
    await close();
  });
});

describe('recorded answers instead of a network', () => {
  it('serve every platform: TDX, GCP with its vTPM, SEV-SNP and Nitro Enclaves', async () => {
    const collateralFile = join(mkdtempSync(join(tmpdir(), 'recorded-')), 'recorded.json');
    writeFileSync(collateralFile, vectorText('evidence/collateral.json'));
    const clockThen = (): number => evidenceIndex.made_at;
    const places = { collateralFile, pccsUrls: [], collateralCache: { directory: null, maxAgeSeconds: null, refreshSeconds: 3_600 }, certificateHosts: [] };
    const { collateral, certificates } = createEvidenceSources(places, { roots: evidenceRoots, clock: clockThen, log: SILENT });
    const verifier = createAttestationVerifier({ roots: evidenceRoots, collateral, certificates, clock: clockThen });
    const variants = new Set<string>();
    for (const { file } of evidenceIndex.cases.filter((entry) => entry.expected === 'accepted')) {
      const verified = await verifier.verify(decodeAttestation(vector(`evidence/${file}`)));
      variants.add(verified.variant);
    }
    // A newer file is used without a restart, and one that cannot be used not at all.
    writeFileSync(collateralFile, '[');
    utimesSync(collateralFile, 1, 1);
    const gcp = decodeAttestation(vector('evidence/gcp-tdx.bin'));
    expect(await verifier.verify(gcp)).toMatchObject({ variant: 'dstack-gcp-tdx' });
    writeFileSync(collateralFile, '[]');
    utimesSync(collateralFile, 2, 2);
    await expect(verifier.verify(gcp)).rejects.toMatchObject({ code: 'COLLATERAL_UNAVAILABLE' });
    expect([...variants].toSorted()).toEqual(['dstack-amd-sev-snp', 'dstack-gcp-tdx', 'dstack-nitro-enclave', 'dstack-tdx']);
  });
});
