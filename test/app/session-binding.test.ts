import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createKmsApp, type KmsApp } from '../../src/app/kms.js';
import { STRICT_POLICY } from '../../src/attestation/appraisal/policy.js';
import { createAttestationVerifier } from '../../src/attestation/evidence/attestation-verifier.js';
import { formatEventLog } from '../../src/attestation/event-log/tdx-event-json.js';
import { verifySessionEvidence } from '../../src/attestation/ra-tls/session.js';
import { encodeAttestation } from '../../src/attestation/wire/decode.js';
import { certificateReportData } from '../../src/crypto/report-data.js';
import { randomP256Key } from '../../src/crypto/p256.js';
import { ScaleWriter } from '../../src/crypto/scale-write.js';
import { createKmsClient, type KmsClient } from '../../src/outbound/kms-client.js';
import { developmentRoots } from '../../src/simulator/roots.js';
import { parseCertificate } from '../../src/x509/certificate.js';
import { signCsr } from '../../src/x509/csr.js';
import { parsePemChain } from '../../src/x509/pem.js';
import { attestedIdentity, clock, configOf, createWorkspace, IMAGE, machineOf, SEED, testApp, type Workspace } from './support/development-kms.js';
import { portOf } from './support/recorded-kms.js';
import { type Relay, startRelay } from './support/relay.js';
import { type Dialect, openSession, sessionEvidence, type SessionClient } from './support/session-client.js';

const app = testApp('bound');
const other = testApp('other');
const machine = machineOf(app);
const verifier = createAttestationVerifier({ roots: developmentRoots(SEED), collateral: machine.collateral, clock });
const DIALECTS: readonly Dialect[] = ['prpc over HTTP/1.1', 'Connect over HTTP/2'];

let workspace: Workspace;
let kms: KmsApp;
let port: number;
let identity: Awaited<ReturnType<typeof attestedIdentity>>;
let relay: Relay | null = null;
const open: SessionClient[] = [];

beforeAll(async () => {
  workspace = createWorkspace();
  const entry = ({ composeHash }: typeof app): object => ({ composeHashes: [composeHash.toString('hex')], allowAnyDevice: true });
  const apps = { [app.appId.toString('hex')]: entry(app), [other.appId.toString('hex')]: entry(other) };
  writeFileSync(workspace.policyFile, JSON.stringify({ osImages: [IMAGE.toString('hex')], apps }));
  const onboard = { address: '127.0.0.1', port: 0, auto_bootstrap_domain: 'localhost' };
  kms = createKmsApp(configOf(workspace, { enforce_self_authorization: false, require_session_binding: true, onboard }), { clock });
  await kms.start();
  port = portOf(kms);
  identity = await attestedIdentity(port, machine);
});

afterEach(async () => {
  for (const session of open.splice(0)) session.close();
  await relay?.stop();
  relay = null;
});

afterAll(async () => {
  await kms.stop(500);
  rmSync(workspace.directory, { recursive: true });
});

async function connected(dialect: Dialect, at = port, who: typeof identity | null = identity): Promise<SessionClient> {
  const made = await openSession(dialect, at, who);
  open.push(made);
  return made;
}

async function bind(on: SessionClient, from = machine): Promise<Awaited<ReturnType<SessionClient['call']>>> {
  const nonce = (await on.call('GetSessionChallenge')).bytes('nonce');
  return on.call('BindSession', { attestation: await sessionEvidence(from, on.exporter, identity.cert, nonce) });
}

/** Is it the refusal of a KMS, in either dialect? */
const UNAUTHORIZED = expect.objectContaining({ json: expect.objectContaining({ code: expect.stringMatching(/^(UNAUTHORIZED|unauthenticated)$/) }) });

function kmsSpki(): Uint8Array {
  const [leaf] = parsePemChain(readFileSync(join(workspace.keys, 'rpc.crt'), 'utf8'), 8);
  return parseCertificate(leaf ?? new Uint8Array()).spki;
}

async function certificateRequest(from = machine): Promise<ReturnType<typeof signCsr>> {
  const key = randomP256Key(randomBytes);
  const usage = { organization: null, subject: 'bound', subjectAltNames: [], serverAuth: true, clientAuth: false, notBefore: null, notAfter: null };
  const attestation = encodeAttestation(await from.attest(certificateReportData(key.spki)));
  return signCsr(key, { ...usage, withAttestation: true, withAppInfo: false }, attestation);
}

function clientOf(at: number, bindSession = true): KmsClient {
  const trust = { rootPem: null, rootSpki: null, insecureAllowUnattestedKms: false, appraisal: STRICT_POLICY };
  return createKmsClient({ url: `https://localhost:${at}`, evidence: machine, verifier, ...trust, bindSession, clock, random: randomBytes });
}

describe.each(DIALECTS)('%s', (dialect) => {
  it('the KMS proves itself on the very connection', async () => {
    const on = await connected(dialect, port, null);
    const nonce = randomBytes(16);
    const attestation = (await on.call('GetSessionEvidence', { nonce })).bytes('attestation');
    const binding = { exporter: on.exporter, spki: kmsSpki(), nonce };
    expect((await verifySessionEvidence(attestation, binding, verifier)).variant).toBe('dstack-tdx');
    const elsewhere = await connected(dialect, port, null);
    for (const wrong of [{ exporter: elsewhere.exporter }, { nonce: randomBytes(16) }, { spki: randomP256Key(randomBytes).spki }]) {
      await expect(verifySessionEvidence(attestation, { ...binding, ...wrong }, verifier)).rejects.toMatchObject({ code: 'REPORT_DATA_MISMATCH' });
    }
  });

  it('a bound session gets keys, an unbound one none', async () => {
    const on = await connected(dialect);
    for (const [method, message] of [['GetKey', { name: 'n' }], ['GetAppKey', {}], ['GetKmsKey', {}], ['SignCert', {}]] as const) {
      expect(await on.call(method, message), method).toEqual(UNAUTHORIZED);
    }
    expect((await bind(on)).status).toBe(200);
    expect((await on.call('GetKey', { name: 'n' })).bytes('key').length).toBe(32);
    expect(await (await connected(dialect)).call('GetKey', { name: 'n' })).toEqual(UNAUTHORIZED);
  });

  it('a bound session gets certificates of its own machine, and of no other', async () => {
    const on = await connected(dialect);
    expect((await bind(on)).status).toBe(200);
    const sign = async (from: typeof machine): Promise<Awaited<ReturnType<SessionClient['call']>>> => on.call('SignCert', { api_version: 2, ...(await certificateRequest(from)) });
    expect((await sign(machine)).status).toBe(200);
    for (const foreign of [machineOf(other), machineOf(app, { app: { ...app, instanceId: Buffer.alloc(20, 0x11), keyProvider: null, storageFs: '' } })]) {
      const refused = await sign(foreign);
      expect(refused).toEqual(UNAUTHORIZED);
      expect(JSON.stringify(refused.json)).toContain('another machine');
    }
    expect((await sign(machine)).status).toBe(200);
  });

  it('a challenge is good once, on its connection, for the machine in the certificate', async () => {
    const [on, elsewhere] = [await connected(dialect), await connected(dialect)];
    const nonce = (await on.call('GetSessionChallenge')).bytes('nonce');
    await elsewhere.call('GetSessionChallenge');
    const attestation = await sessionEvidence(machine, on.exporter, identity.cert, nonce);
    expect(await elsewhere.call('BindSession', { attestation })).toEqual(UNAUTHORIZED);
    expect((await on.call('BindSession', { attestation })).status).toBe(200);
    expect(await on.call('BindSession', { attestation })).toEqual(UNAUTHORIZED);
    expect(await bind(elsewhere, machineOf(other))).toEqual(UNAUTHORIZED);
    expect(await elsewhere.call('GetKey', { name: 'n' })).toEqual(UNAUTHORIZED);
  });

  it('evidence of the client relayed from another session, with the very TLS keys of both ends, is refused', async () => {
    relay = await startRelay(port, workspace.keys, identity);
    const victim = await connected(dialect, relay.port);
    expect(await bind(victim)).toEqual(UNAUTHORIZED);
    expect(await victim.call('GetKey', { name: 'n' })).toEqual(UNAUTHORIZED);
    expect((await bind(await connected(dialect))).status).toBe(200);
  });
});

describe('a KMS that does not require it', () => {
  let lenient: KmsApp;
  beforeAll(async () => {
    lenient = createKmsApp(configOf(workspace, { enforce_self_authorization: false }), { clock });
    await lenient.start();
  });
  afterAll(() => lenient.stop(500));

  it('binds the requests for certificates of those who did it, and judges others by their evidence alone', async () => {
    const foreign = { api_version: 2, ...(await certificateRequest(machineOf(other))) };
    const on = await connected('prpc over HTTP/1.1', portOf(lenient));
    expect((await on.call('SignCert', foreign)).status).toBe(200);
    expect((await bind(on)).status).toBe(200);
    expect(await on.call('SignCert', foreign)).toEqual(UNAUTHORIZED);
    expect((await on.call('GetKey', { name: 'n' })).status).toBe(200);
    const anonymous = await connected('prpc over HTTP/1.1', portOf(lenient), null);
    expect((await anonymous.call('SignCert', foreign)).status).toBe(200);
  });

  it('refuses requests of version 1, which name no image, on bound connections only', async () => {
    const key = randomP256Key(randomBytes);
    const { platform } = await machine.attest(certificateReportData(key.spki));
    if (platform.kind !== 'tdx') throw new Error(platform.kind);
    const head = new ScaleWriter().string('please sign cert:').bytes(key.spki).u8(0).string('bound').compact(0).bool(true).bool(false).bool(false);
    const csr = head.bytes(platform.quote).bytes(Buffer.from(formatEventLog(platform.eventLog))).finish();
    const message = { api_version: 1, csr, signature: key.sign(csr), vm_config: JSON.stringify({ os_image_hash: IMAGE.toString('hex') }) };
    const on = await connected('prpc over HTTP/1.1', portOf(lenient));
    expect((await on.call('SignCert', message)).status).toBe(200);
    expect((await bind(on)).status).toBe(200);
    expect(await on.call('SignCert', message)).toEqual(UNAUTHORIZED);
  });
});

it('is not for nonces that are too short or too long', async () => {
  const on = await connected('prpc over HTTP/1.1');
  for (const length of [0, 15, 65]) expect((await on.call('GetSessionEvidence', { nonce: randomBytes(length) })).json).toMatchObject({ code: 'INVALID_ARGUMENT' });
});

describe('createKmsClient', () => {
  it('binds its sessions and gets keys and certificates', async () => {
    const client = clientOf(port);
    expect((await client.getKey('n')).length).toBe(32);
    expect((await client.getAppKey('')).k256Key.length).toBe(32);
    const { csr, signature } = await certificateRequest();
    expect((await client.signCert(csr, signature, '')).length).toBe(3);
    await expect(clientOf(port, false).signCert(csr, signature, '')).rejects.toMatchObject({ code: 'KMS_REFUSED', kmsCode: 'UNAUTHORIZED' });
  });

  it('without binding is refused by a KMS that requires it', async () => {
    await expect(clientOf(port, false).getKey('n')).rejects.toMatchObject({ code: 'KMS_REFUSED', kmsCode: 'UNAUTHORIZED' });
  });

  it('refuses a machine in the middle that relays the evidence of the KMS', async () => {
    relay = await startRelay(port, workspace.keys, identity);
    await expect(clientOf(relay.port).getKey('n')).rejects.toMatchObject({ code: 'KMS_NOT_TRUSTED', cause: { code: 'REPORT_DATA_MISMATCH' } });
  });
});
