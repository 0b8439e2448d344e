import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collateralKey, type QuoteCollateral } from '../../../src/attestation/collateral.js';
import { parseCollateralJson } from '../../../src/attestation/dcap/collateral-format.js';
import { decodeAttestation, encodeAttestation } from '../../../src/attestation/wire/decode.js';
import { parsePemChain } from '../../../src/x509/pem.js';
import { collateralJson } from '../../../src/attestation/dcap/collateral-json.js';
import { runCollateralFetch, type FetchOptions } from '../../../src/app/collateral/fetch.js';
import { runCollateralImport } from '../../../src/app/collateral/import.js';
import { runCollateralShow } from '../../../src/app/collateral/show.js';
import { runVerify } from '../../../src/app/verify-command.js';
import type { OnlinePlaces } from '../../../src/app/online-sources.js';
import { pccsAnswer } from '../../../src/simulator/pccs-answers.js';
import { evidenceIndex } from '../../attestation/evidence/evidence-index.js';
import { vector, vectorText } from '../../attestation/vectors.js';
import { startFakeServer, type FakeServer } from '../../outbound/support/http-fake.js';
import { DAY, forged, NOW, pki, signedCollateral, WANTED } from '../../outbound/support/signed-collateral.js';
import { clock, machineOf, testApp } from '../support/development-kms.js';

const KEY = collateralKey(WANTED);
const FMSPC = Buffer.from(WANTED.fmspc).toString('hex').toUpperCase();
let directory: string;
let root: string;
const fakes: FakeServer[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'collateral-command-'));
  root = file('root.der', pki.root);
});
afterEach(() => fakes.splice(0).forEach((fake) => fake.close()));

function file(name: string, content: string | Uint8Array): string {
  writeFileSync(join(directory, name), content);
  return join(directory, name);
}

function io(now = NOW) {
  const lines: string[] = [];
  const errors: string[] = [];
  return { lines, errors, readFile: (path: string) => readFile(path), now: () => now, out: (line: string) => lines.push(line), err: (line: string) => errors.push(line) };
}

async function pccs(collateral: QuoteCollateral): Promise<string> {
  const fake = await startFakeServer();
  fakes.push(fake);
  fake.respond = ({ url = '' }, response) => {
    const { status, headers, body } = pccsAnswer(collateral, url);
    response.writeHead(status, headers).end(body);
  };
  return fake.url;
}

const places = (...pccsUrls: string[]): OnlinePlaces => ({ pccsUrls, certificateHosts: [], amdKdsUrl: 'http://127.0.0.1:9/vcek/v1' });

describe('dstack collateral fetch', () => {
  const options: FetchOptions = { fmspc: Buffer.from(WANTED.fmspc).toString('hex'), ca: 'platform', tee: 'tdx', evidence: null, snpProduct: null, chipId: null, tcb: null, places: places(), roots: [], out: null, cacheDir: null, recording: null };

  it('writes what it fetched to a file and into a cache directory, and says what it is', async () => {
    const [out, cacheDir] = [join(directory, 'out.json'), join(directory, 'cache')];
    const world = io();
    expect(await runCollateralFetch({ ...options, places: places(await pccs(forged(signedCollateral())), await pccs(signedCollateral())), roots: [root], out, cacheDir }, world)).toBe(0);
    for (const path of [out, join(cacheDir, `${KEY}.json`)]) expect(parseCollateralJson(readFileSync(path, 'utf8'))).toEqual(signedCollateral());
    expect(world.lines.length).toBeGreaterThan(4);
    expect(world.errors).toHaveLength(1);
  });

  it('takes FMSPC and CA from evidence', async () => {
    const machine = machineOf(testApp('collateral'));
    const evidence = file('attestation.bin', encodeAttestation(await machine.attest(new Uint8Array(64))));
    const out = join(directory, 'out.json');
    const collateral = await machine.collateral.getCollateral(WANTED);
    const world = io(clock());
    expect(await runCollateralFetch({ ...options, fmspc: null, ca: null, evidence, places: places(await pccs(collateral)), roots: [file('machine.der', machine.root)], out }, world)).toBe(0);
    expect(parseCollateralJson(readFileSync(out, 'utf8'))).toEqual(collateral);
  });

  it('writes nothing that does not verify, and says so', async () => {
    const out = join(directory, 'out.json');
    const world = io();
    expect(await runCollateralFetch({ ...options, places: places(await pccs(forged(signedCollateral()))), roots: [root], out }, world)).toBe(1);
    expect(await runCollateralFetch({ ...options, places: places(await pccs(signedCollateral())), out }, world)).toBe(1);
    expect(world.errors.at(-1)).toContain('COLLATERAL_REJECTED');
    expect(readdirSync(directory)).toEqual(['root.der']);
  });

  it.each<[string, Partial<FetchOptions>]>([
    ['nowhere to write', {}],
    ['no FMSPC', { fmspc: null, out: 'x' }],
    ['a bad FMSPC', { fmspc: '00', out: 'x' }],
    ['a bad CA', { ca: 'root', out: 'x' }],
    ['a bad TEE', { tee: 'snp', out: 'x' }],
    ['a product without a chip', { fmspc: null, ca: null, snpProduct: 'Milan', recording: 'x' }],
    ['a product nobody knows', { fmspc: null, ca: null, snpProduct: 'Naples', chipId: '00'.repeat(64), tcb: '00'.repeat(8), recording: 'x' }],
    ['half a chip', { fmspc: null, ca: null, snpProduct: 'Milan', chipId: '00'.repeat(32), tcb: '00'.repeat(8), recording: 'x' }],
    ['half a TCB version', { fmspc: null, ca: null, snpProduct: 'Milan', chipId: '00'.repeat(64), tcb: '00', recording: 'x' }],
    ['a chip and FMSPC', { snpProduct: 'Milan', chipId: '01'.repeat(64), tcb: '00'.repeat(8), recording: 'x' }],
    ['a chip for --out', { fmspc: null, ca: null, snpProduct: 'Milan', chipId: '01'.repeat(64), tcb: '00'.repeat(8), out: 'x' }],
    ['evidence and FMSPC', { evidence: 'x', out: 'x' }],
    ['unreadable evidence', { evidence: '/nonexistent', fmspc: null, ca: null, out: 'x' }],
  ])('is misused with %s', async (_name, change) => {
    expect(await runCollateralFetch({ ...options, ...change }, io())).toBe(2);
  });
});

describe('dstack collateral fetch --recording', () => {
  const options: FetchOptions = { fmspc: null, ca: null, tee: 'tdx', evidence: null, snpProduct: null, chipId: null, tcb: null, places: places(), roots: [], out: null, cacheDir: null, recording: null };
  const vectorCertificates = (): Buffer => {
    const answers = JSON.parse(vectorText('evidence/collateral.json')) as { url: string; body_base64: string }[];
    return Buffer.from(answers.find(({ url }) => url.endsWith('/Milan/cert_chain'))?.body_base64 ?? '', 'base64');
  };
  const rootFiles = (): string[] => ['tdx', 'sev-snp'].map((name) => file(`${name}.pem`, vectorText(`evidence/roots/${name}.pem`)));

  it('keeps what evidence of several platforms takes, so that all of it verifies without a network', async () => {
    const machine = machineOf(testApp('recorded'));
    const collateral = await machine.collateral.getCollateral(WANTED);
    const service = await startFakeServer();
    fakes.push(service);
    // The recorded machine brings its certificates along; this one leaves them to AMD's service.
    const attestation = decodeAttestation(vector('evidence/sev-snp.bin'));
    if (attestation.platform.kind !== 'sev-snp') throw new Error('not SEV-SNP');
    const [chain, [leaf = '']] = [vectorCertificates(), attestation.platform.certChain.slice(1).map((each) => Buffer.from(each).toString('latin1'))];
    service.respond = ({ url = '' }, response) => void response.end(url.endsWith('/Milan/cert_chain') ? chain : parsePemChain(leaf, 1)[0]);
    const bare = encodeAttestation({ ...attestation, platform: { ...attestation.platform, certChain: [] } });
    const recording = join(directory, 'recording.json');
    const tdx = { ...options, evidence: file('tdx.bin', encodeAttestation(await machine.attest(new Uint8Array(64)))), places: places(await pccs(collateral)), roots: [file('machine.der', machine.root)], recording };
    expect(await runCollateralFetch(tdx, io(clock()))).toBe(0);
    const snp = { ...options, evidence: file('snp.bin', bare), places: { ...places(), amdKdsUrl: `${service.url}/vcek/v1` }, roots: rootFiles(), recording };
    expect(await runCollateralFetch(snp, io(evidenceIndex.made_at))).toBe(0);
    fakes.splice(0).forEach((fake) => fake.close());
    for (const [{ evidence, roots }, at] of [[tdx, clock()], [snp, evidenceIndex.made_at]] as const) {
      const out: string[] = [];
      const world = { readFile: (path: string) => readFile(path), now: () => at, out: (line: string) => out.push(line), err: () => undefined };
      expect(await runVerify({ file: evidence, collateral: recording, at: null, roots, reportData: null, json: false }, world)).toBe(0);
    }
    expect(await runCollateralShow({ file: recording, cacheDir: null, roots: [...tdx.roots, ...rootFiles()] }, io(clock()))).toBe(0);
  });

  it('keeps nothing for evidence that does not verify, and leaves the file alone that is no recording', async () => {
    const recording = join(directory, 'recording.json');
    const machine = machineOf(testApp('recorded'));
    const collateral = await machine.collateral.getCollateral(WANTED);
    const evidence = file('tdx.bin', encodeAttestation(await machine.attest(new Uint8Array(64))));
    expect(await runCollateralFetch({ ...options, evidence, places: places(await pccs(collateral)), recording }, io(clock()))).toBe(1);
    expect(readdirSync(directory)).not.toContain('recording.json');
    writeFileSync(recording, 'my notes');
    expect(await runCollateralFetch({ ...options, evidence, places: places(await pccs(collateral)), roots: [file('machine.der', machine.root)], recording }, io(clock()))).toBe(1);
    expect(readFileSync(recording, 'utf8')).toBe('my notes');
  });
});

describe('dstack on the command line', () => {
  const dstack = (...args: string[]) => spawnSync(process.execPath, [fileURLToPath(new URL('../../../dist/src/bin/dstack.js', import.meta.url)), ...args], { encoding: 'utf8' });

  it('ends with a status and words, not silently, when no service answers', async () => {
    const gone = await pccs(signedCollateral());
    fakes.splice(0).forEach((fake) => fake.close());
    const { status, stderr } = dstack('collateral', 'fetch', '--fmspc', FMSPC, '--ca', 'platform', '--pccs', gone, '--out', join(directory, 'out.json'));
    expect({ status, says: stderr.includes('COLLATERAL_UNAVAILABLE') }).toEqual({ status: 1, says: true });
  });

  it('asks no network to verify evidence unless told to', async () => {
    const machine = machineOf(testApp('online'));
    const service = await pccs(await machine.collateral.getCollateral(WANTED));
    const args = ['verify', file('tdx.bin', encodeAttestation(await machine.attest(new Uint8Array(64)))), '--root', file('machine.der', machine.root), '--at', String(clock()), '--json'];
    expect(JSON.parse(dstack(...args).stdout)).toMatchObject({ accepted: false, code: 'COLLATERAL_UNAVAILABLE' });
    const [{ asked }] = fakes as [FakeServer];
    expect(asked).toEqual([]);
    const online = spawn(process.execPath, [fileURLToPath(new URL('../../../dist/src/bin/dstack.js', import.meta.url)), ...args, '--pccs', service]);
    const output: Buffer[] = [];
    online.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    expect(await new Promise((resolve) => online.once('close', resolve))).toBe(0);
    expect(JSON.parse(Buffer.concat(output).toString('utf8'))).toMatchObject({ accepted: true });
    expect(asked).toHaveLength(4);
    expect(dstack(...args, '--pccs', 'ftp://x').status).toBe(2);
  });
});

describe('dstack collateral show', () => {
  it('tells what there is and how long it is good', async () => {
    const world = io();
    expect(await runCollateralShow({ file: file('c.json', collateralJson(signedCollateral())), cacheDir: null, roots: [root] }, world)).toBe(0);
    const text = world.lines.join('\n');
    for (const expected of [FMSPC, 'platform', 'evaluation data number 1', '30 days left', 'number 1', 'verified: yes']) expect(text).toContain(expected);
  });

  it.each<[string, QuoteCollateral, string]>([
    ['expired', signedCollateral(NOW - 40 * DAY), 'TCB_INFO_EXPIRED'],
    ['forged', forged(signedCollateral()), 'TCB_INFO_SIGNATURE_INVALID'],
  ])('ends with 1 for what is %s', async (_name, collateral, code) => {
    const world = io();
    expect(await runCollateralShow({ file: file('c.json', collateralJson(collateral)), cacheDir: null, roots: [root] }, world)).toBe(1);
    expect(world.lines.at(-1)).toContain(code);
  });

  it('reads recorded answers and cache directories, unreadable files among them', async () => {
    const answers = ['/sgx/certification/v4/pckcrl?ca=platform&encoding=der', `/tdx/certification/v4/tcb?fmspc=${FMSPC}`, '/tdx/certification/v4/qe/identity?update=standard', '/sgx/certification/v4/rootcacrl'].map((target) => {
      const { status, headers, body } = pccsAnswer(signedCollateral(), target);
      return { url: `https://pccs.example${target}`, status, headers, body_base64: Buffer.from(body).toString('base64') };
    });
    const recording = file('recording.json', JSON.stringify(answers));
    expect(await runCollateralShow({ file: recording, cacheDir: null, roots: [root] }, io())).toBe(0);
    const cacheDir = join(directory, 'cache');
    expect(await runCollateralImport({ file: recording, cacheDir, roots: [root], certificateHosts: [] }, io())).toBe(0);
    expect(await runCollateralShow({ file: null, cacheDir, roots: [root] }, io())).toBe(0);
    writeFileSync(join(cacheDir, `${collateralKey({ ...WANTED, ca: 'processor' })}.json`), '{');
    const world = io();
    expect(await runCollateralShow({ file: null, cacheDir, roots: [root] }, world)).toBe(1);
    expect(world.lines.join('\n')).toContain('verified: yes');
    expect(world.errors).toHaveLength(1);
  });

  it('lets no text of the file reach the terminal as a command', async () => {
    const collateral = signedCollateral();
    const qeIdentity = collateral.qeIdentity.replace('"TD_QE"', '"\\u001b[2J"');
    const world = io();
    expect(await runCollateralShow({ file: file('c.json', collateralJson({ ...collateral, qeIdentity })), cacheDir: null, roots: [root] }, world)).toBe(1);
    expect(world.lines.join('\n')).not.toContain('\u001b');
  });

  it('is misused without a file, with both, and with what is no collateral', async () => {
    expect(await runCollateralShow({ file: null, cacheDir: null, roots: [root] }, io())).toBe(2);
    expect(await runCollateralShow({ file: 'x', cacheDir: 'x', roots: [root] }, io())).toBe(2);
    expect(await runCollateralShow({ file: '/nonexistent', cacheDir: null, roots: [root] }, io())).toBe(2);
    expect(await runCollateralShow({ file: file('c.json', '{}'), cacheDir: null, roots: [root] }, io())).toBe(1);
  });
});

describe('dstack collateral import', () => {
  const importing = (collateral: QuoteCollateral, cacheDir: string) => runCollateralImport({ file: file('c.json', collateralJson(collateral)), cacheDir, roots: [root], certificateHosts: [] }, io());

  it('puts verified collateral where a KMS looks for it, and replaces older', async () => {
    const cacheDir = join(directory, 'cache');
    expect(await importing(signedCollateral(NOW - DAY), cacheDir)).toBe(0);
    expect(await importing(signedCollateral(), cacheDir)).toBe(0);
    expect(readdirSync(cacheDir)).toEqual([`${KEY}.json`]);
    expect(parseCollateralJson(readFileSync(join(cacheDir, `${KEY}.json`), 'utf8'))).toEqual(signedCollateral());
  });

  it.each<[string, () => QuoteCollateral]>([
    ['forged', () => forged(signedCollateral())],
    ['expired', () => signedCollateral(NOW - 40 * DAY)],
    ['older', () => signedCollateral(NOW - 2 * DAY)],
  ])('refuses what is %s and leaves what is there', async (_name, next) => {
    const cacheDir = join(directory, 'cache');
    expect(await importing(signedCollateral(NOW - DAY), cacheDir)).toBe(0);
    expect(await importing(next(), cacheDir)).toBe(1);
    expect(parseCollateralJson(readFileSync(join(cacheDir, `${KEY}.json`), 'utf8'))).toEqual(signedCollateral(NOW - DAY));
  });

  it('says when the directory cannot be written', async () => {
    expect(await importing(signedCollateral(), join(file('not a directory', ''), 'cache'))).toBe(2);
  });
});
