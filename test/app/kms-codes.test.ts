import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createKmsApp, type KmsApp } from '../../src/app/kms.js';
import { hkdfSha256 } from '../../src/crypto/hkdf.js';
import { CollateralError } from '../../src/errors/collateral-error.js';
import type { CollateralGetter } from '../../src/attestation/collateral.js';
import { nitroImageHash } from '../../src/attestation/evidence/measurements.js';
import { parseNsmDocument } from '../../src/attestation/nitro/document.js';
import type { EvidenceSource } from '../../src/attestation/evidence/evidence-source.js';
import { attestedClient, clock, configOf, createWorkspace, enclaveOf, IMAGE, machineOf, testApp, type Workspace } from './support/development-kms.js';
import { portOf } from './support/recorded-kms.js';
import { TlsClient } from './support/tls-client.js';

const listed = testApp('listed');
const other = testApp('other');
const declared = testApp('declared');

let workspace: Workspace;
let app: KmsApp;
let port: number;
let enclaveImage: string;

/** Lists everything the tests need, then what `more` replaces. */
function writePolicy(more: Record<string, unknown> = {}): void {
  const entry = (name: typeof listed): Record<string, unknown> => ({ composeHashes: [name.composeHash.toString('hex'), enclaveImage], allowAnyDevice: true });
  const apps = {
    [listed.appId.toString('hex')]: entry(listed),
    [other.appId.toString('hex')]: entry(other),
    [declared.appId.toString('hex')]: { ...entry(declared), declaredKeys: ['signing'] },
  };
  writeFileSync(workspace.policyFile, JSON.stringify({ osImages: [IMAGE.toString('hex'), enclaveImage], apps, ...more }));
}

beforeAll(async () => {
  workspace = createWorkspace();
  const document = await enclaveOf(listed).nsmDocument?.({ userData: null, nonce: null, publicKey: null });
  enclaveImage = Buffer.from(nitroImageHash(parseNsmDocument(document ?? new Uint8Array()))).toString('hex');
  writePolicy();
  const onboard = { address: '127.0.0.1', port: 0, auto_bootstrap_domain: 'localhost' };
  app = createKmsApp(configOf(workspace, { enforce_self_authorization: false, onboard }), { clock });
  await app.start();
  port = portOf(app);
});

afterAll(() => app.stop(500));
beforeEach(() => writePolicy());

async function ask(machine: EvidenceSource, method = 'GetKey', message: unknown = { name: 'n' }): Promise<Record<string, unknown>> {
  const client = await attestedClient(port, machine);
  const answer = (await client.call(method, message)).json();
  client.close();
  return answer;
}

describe('GetKey(name)', () => {
  it('gives an application the same key on every machine, and every application its own', async () => {
    const first = await ask(machineOf(listed));
    const again = await ask(enclaveOf(listed));
    expect(first['key']).toMatch(/^[0-9a-f]{64}$/);
    expect(again).toEqual(first);
    expect((await ask(machineOf(other)))['key']).not.toBe(first['key']);
  });

  it('gives what the guest agent derives from the application key for that path', async () => {
    const { k256_key: appKey } = await ask(machineOf(listed), 'GetAppKey', { api_version: 1 });
    const expected = hkdfSha256(Buffer.from(String(appKey), 'hex'), [Buffer.from('my-api-key')]);
    expect(await ask(machineOf(listed), 'GetKey', { name: 'my-api-key' })).toEqual({ key: Buffer.from(expected).toString('hex') });
  });

  it('refuses names that are none, and derives nothing', async () => {
    for (const name of ['', 'a\u0000b', 'a\nb', 'x'.repeat(257), 'é'.repeat(129)]) {
      expect(await ask(machineOf(listed), 'GetKey', { name }), JSON.stringify(name)).toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
  });
});

describe('the four documented codes', () => {
  it('UNAUTHORIZED: no attestation', async () => {
    const client = new TlsClient(port);
    const refusal = { error: 'App not allowed: No attestation provided', code: 'UNAUTHORIZED' };
    expect((await client.call('GetKey', { name: 'n' })).json()).toEqual(refusal);
    const connect = await client.send('POST', '/dstack.kms.v1.KMS/GetKey', '{"name":"n"}', { 'Content-Type': 'application/json' });
    expect({ status: connect.status, code: connect.json()['code'] }).toEqual({ status: 401, code: 'unauthenticated' });
    client.close();
  });

  it('UNAUTHORIZED: debug mode, an unregistered or a wrong image, an old TCB', async () => {
    const unlisted = Buffer.alloc(32, 7);
    const claimed = JSON.stringify({ os_image_hash: IMAGE.toString('hex') });
    writePolicy({ osImages: [IMAGE.toString('hex'), unlisted.toString('hex')] });
    expect(await ask(enclaveOf(listed, [0, 1, 2].map(() => new Uint8Array(48))))).toMatchObject({ code: 'UNAUTHORIZED' });
    expect(await ask(machineOf(listed, { tdAttributes: Uint8Array.of(1, 0, 0, 0x10, 0, 0, 0, 0) }))).toMatchObject({ code: 'UNAUTHORIZED' });
    expect(await ask(machineOf(listed, { imageHash: unlisted }))).toMatchObject({
      code: 'UNAUTHORIZED',
      error: expect.stringMatching(/^App not allowed: Failed to verify os image hash: Failed to verify os image hash: /),
    });
    expect(await ask(machineOf(listed, { imageHash: unlisted, vmConfig: claimed }))).toMatchObject({ code: 'UNAUTHORIZED' });
    writePolicy({ allowedTcbStatuses: ['SWHardeningNeeded'] });
    expect(await ask(machineOf(listed))).toMatchObject({ code: 'UNAUTHORIZED', error: 'App not allowed: Boot denied: TCB status is not allowed' });
  });

  it('MEASUREMENT_NOT_FOUND: genuine, and not listed', async () => {
    expect(await ask(machineOf(testApp('unknown')))).toEqual({ error: 'App not allowed: Boot denied: app not registered', code: 'MEASUREMENT_NOT_FOUND' });
    expect(await ask(machineOf({ appId: listed.appId, composeHash: other.composeHash }))).toEqual({
      error: 'App not allowed: Boot denied: compose hash not allowed',
      code: 'MEASUREMENT_NOT_FOUND',
    });
    const client = await attestedClient(port, machineOf(testApp('unknown')));
    const connect = await client.send('POST', '/dstack.kms.v1.KMS/GetKey', '{"name":"n"}', { 'Content-Type': 'application/json' });
    expect({ status: connect.status, code: connect.json()['code'] }).toEqual({ status: 403, code: 'permission_denied' });
    client.close();
  });

  it('KEY_NOT_FOUND: a name an application with declared names has not declared', async () => {
    expect(await ask(machineOf(declared), 'GetKey', { name: 'other' })).toMatchObject({ code: 'KEY_NOT_FOUND' });
    expect(await ask(machineOf(declared), 'GetKey', { name: 'signing' })).toHaveProperty('key');
  });

  it('INTERNAL_ERROR: a policy that cannot be read says nothing, to nobody', async () => {
    writeFileSync(workspace.policyFile, '{"apps":');
    expect(await ask(machineOf(listed))).toEqual({ error: 'internal error', code: 'INTERNAL_ERROR' });
  });
});

describe('the KMS and its policy file', () => {
  it('takes back a permission on a connection that is open', async () => {
    const client = await attestedClient(port, machineOf(listed));
    expect((await client.call('GetKey', { name: 'n' })).status).toBe(200);
    writePolicy({ apps: {} });
    expect((await client.call('GetKey', { name: 'n' })).json()).toMatchObject({ code: 'MEASUREMENT_NOT_FOUND' });
    client.close();
  });
});

describe('metrics', () => {
  it('count calls that release something, and refusals among them', async () => {
    const client = new TlsClient(port);
    const read = async (): Promise<number[]> => [...(await client.get('/metrics')).body.toString().matchAll(/^dstack_kms_attestation_\w+ (\d+)$/gm)].map(([, value]) => Number(value));
    const [requests = -1, failures = -1] = await read();
    await client.call('GetAppKey', {});
    await client.call('GetMeta');
    await ask(machineOf(listed), 'GetAppKey', {});
    expect(await read()).toEqual([requests + 2, failures + 1]);
    client.close();
  });
});

describe('collateral that cannot be had', () => {
  it('is our failure, not a verdict: the same connection is served once it is there', async () => {
    const source = machineOf(listed);
    let away = true;
    const collateral: CollateralGetter = {
      getCollateral: (wanted) => (away ? Promise.reject(new CollateralError('COLLATERAL_UNAVAILABLE', 'away')) : source.collateral.getCollateral(wanted)),
    };
    const kms = createKmsApp(configOf(workspace, { enforce_self_authorization: false, attest_rpc_cert: false }), { clock, collateral });
    await kms.start();
    const client = await attestedClient(portOf(kms), source);
    expect((await client.call('GetKey', { name: 'n' })).json()).toEqual({ error: 'internal error', code: 'INTERNAL_ERROR' });
    away = false;
    expect((await client.call('GetKey', { name: 'n' })).status).toBe(200);
    client.close();
    await kms.stop(500);
  });
});
