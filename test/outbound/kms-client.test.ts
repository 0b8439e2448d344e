import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { STRICT_POLICY } from '../../src/attestation/appraisal/policy.js';
import { createAttestationVerifier } from '../../src/attestation/evidence/attestation-verifier.js';
import { verifyRaTlsCertificate } from '../../src/attestation/ra-tls/binding.js';
import { P256Key } from '../../src/crypto/p256.js';
import { createKmsClient, type KmsClient, type KmsClientOptions } from '../../src/outbound/kms-client.js';
import { loadCertificateAuthority } from '../../src/x509/certificate-authority.js';
import { parseCertificate } from '../../src/x509/certificate.js';
import { certificatePem, parsePemChain } from '../../src/x509/pem.js';
import { issueAppLeaf } from '../../src/x509/profiles/app-leaf.js';
import { issueRootCa } from '../../src/x509/profiles/root-ca.js';
import { defaultValidity } from '../../src/x509/validity.js';
import { createDevelopmentTdx } from '../../src/simulator/tdx-platform.js';
import { developmentRoots } from '../../src/simulator/roots.js';
import { APP_KEY_ANSWER, kmsCertificate, ROOT_KEY, ROOT_PEM, startTestKms, type TestKms, type TestKmsOptions } from './test-kms.js';

const clock = (): number => Math.floor(Date.now() / 1000);
const tdx = (seed: number, tdAttributes?: Uint8Array): ReturnType<typeof createDevelopmentTdx> =>
  createDevelopmentTdx({
    seed: new Uint8Array(32).fill(seed),
    clock,
    app: { appId: new Uint8Array(20).fill(0x11), composeHash: new Uint8Array(32).fill(0x22), instanceId: new Uint8Array(20).fill(0x33), keyProvider: null, storageFs: '' },
    imageHash: new Uint8Array(32).fill(0x44),
    vmConfig: null,
    ...(tdAttributes === undefined ? {} : { tdAttributes }),
  });
const platform = tdx(9);
const verifier = createAttestationVerifier({ roots: developmentRoots(new Uint8Array(32).fill(9)), collateral: platform.collateral, clock });

let kms: TestKms | null = null;
afterEach(async () => {
  await kms?.stop();
  kms = null;
});

async function start(options: Partial<TestKmsOptions> = {}, client: Partial<KmsClientOptions> = {}): Promise<{ kms: TestKms; client: KmsClient }> {
  kms = await startTestKms({ evidence: platform, ...options });
  return { kms, client: clientOf(kms.url, client) };
}

const clientOf = (url: string, options: Partial<KmsClientOptions> = {}): KmsClient =>
  createKmsClient({
    url,
    evidence: platform,
    verifier,
    appraisal: STRICT_POLICY,
    rootPem: null,
    rootSpki: null,
    insecureAllowUnattestedKms: false,
    bindSession: false,
    clock,
    random: randomBytes,
    ...options,
  });

const failure = (code: string): unknown => expect.objectContaining({ name: 'KmsClientError', code });

describe('createKmsClient', () => {
  it('shows evidence bound to its TLS key and gets the application keys', async () => {
    const { kms: server, client } = await start({}, { rootSpki: ROOT_KEY.spki });
    const answer = await client.getAppKey('{"a":1}');
    expect(Buffer.from(answer.k256Key).toString('hex')).toBe(APP_KEY_ANSWER.k256_key);
    expect(Buffer.from(answer.osImageHash).toString('hex')).toBe(APP_KEY_ANSWER.os_image_hash);
    expect(server.calls.map(({ method }) => method)).toEqual(['GetTempCaCert', 'GetAppKey']);
    expect(server.calls[1]?.body).toEqual({ api_version: 1, vm_config: '{"a":1}' });
    const shown = await verifyRaTlsCertificate(server.calls[1]?.client ?? new Uint8Array(), verifier);
    expect(shown.variant).toBe('dstack-tdx');
  });

  it('gets a named key, asking for the temporary CA once', async () => {
    const { kms: server, client } = await start();
    expect(Buffer.from(await client.getKey('my-key')).toString('hex')).toBe('66'.repeat(32));
    await client.getKey('my-key');
    expect(server.calls.map(({ method }) => method)).toEqual(['GetTempCaCert', 'GetKey', 'GetKey']);
    expect(server.calls[2]?.client).toEqual(server.calls[1]?.client);
  });

  it('makes a new client certificate when the evidence has aged', async () => {
    let seconds = clock();
    const { kms: server, client } = await start({}, { clock: () => seconds });
    await client.getKey('a');
    seconds += 601;
    await client.getKey('a');
    expect(server.calls[2]?.client).not.toEqual(server.calls[1]?.client);
  });

  it('accepts a URL that ends in /prpc, and refuses any that is not https', async () => {
    const { kms: server } = await start();
    expect(await clientOf(`${server.url}/prpc/`).getKey('a')).toHaveLength(32);
    for (const url of ['http://localhost', 'localhost', '']) {
      expect(() => clientOf(url)).toThrow(expect.objectContaining({ name: 'ConfigError', code: 'CONFIG_INVALID' }) as Error);
    }
  });

  it('passes the refusal of the KMS on with its code', async () => {
    const { client } = await start({ answers: { GetKey: { status: 400, body: '{"error":"Boot denied: no","code":"MEASUREMENT_NOT_FOUND"}' } } });
    await expect(client.getKey('a')).rejects.toEqual(expect.objectContaining({ code: 'KMS_REFUSED', kmsCode: 'MEASUREMENT_NOT_FOUND' }));
  });
});

describe('createKmsClient trusts no server', () => {
  it.each<[string, Partial<TestKmsOptions>, Partial<KmsClientOptions>]>([
    ['without attestation', { evidence: null }, {}],
    ['of another name', { domain: 'kms.example' }, {}],
    ['whose evidence another root signed', { evidence: tdx(8) }, {}],
    ['that is debuggable', { evidence: tdx(9, Uint8Array.of(1, 0, 0, 0x10, 0, 0, 0, 0)) }, {}],
    ['with another root than the pinned one', {}, { rootSpki: new P256Key(new Uint8Array(32).fill(7)).spki }],
    ['that does not chain to the known root', {}, { rootPem: certificatePem(issueRootCa(new P256Key(new Uint8Array(32).fill(7)), defaultValidity(clock()))) }],
  ])('%s', async (_what, server, client) => {
    const started = await start(server, client);
    await expect(started.client.getAppKey('')).rejects.toEqual(failure('KMS_NOT_TRUSTED'));
    expect(started.kms.calls.filter(({ method }) => method !== 'GetTempCaCert')).toEqual([]);
  });

  it('whose evidence is bound to another key', async () => {
    const certificate = await kmsCertificate(platform, 'localhost', new P256Key(new Uint8Array(32).fill(7)).spki);
    const { client, kms: server } = await start({ certificate });
    await expect(client.getKey('a')).rejects.toEqual(failure('KMS_NOT_TRUSTED'));
    expect(server.calls).toHaveLength(1);
  });

  it('that is an application under the same root', async () => {
    const spki = parseCertificate(parsePemChain(await kmsCertificate(platform, 'localhost'), 1)[0] ?? new Uint8Array()).spki;
    const root = loadCertificateAuthority(ROOT_PEM, ROOT_KEY);
    const leaf = { subject: { organization: null, commonName: 'x' }, spki, subjectAltNames: ['localhost'], serverAuth: true, clientAuth: false, appId: null, appInfo: null, attestation: null, validity: defaultValidity(clock()) };
    const { client } = await start({ certificate: certificatePem(issueAppLeaf(leaf, root)) }, { insecureAllowUnattestedKms: true });
    await expect(client.getKey('a')).rejects.toEqual(failure('KMS_NOT_TRUSTED'));
  });

  it('unless an operator allowed one without attestation; bad evidence stays bad', async () => {
    const unattested = await start({ evidence: null }, { insecureAllowUnattestedKms: true });
    expect(await unattested.client.getKey('a')).toHaveLength(32);
    await unattested.kms.stop();
    const forged = await start({ evidence: tdx(8) }, { insecureAllowUnattestedKms: true });
    await expect(forged.client.getKey('a')).rejects.toEqual(failure('KMS_NOT_TRUSTED'));
  });

  it('that names another root in the key answer', async () => {
    const other = certificatePem(issueRootCa(new P256Key(new Uint8Array(32).fill(7)), defaultValidity(clock())));
    const { client } = await start({ answers: { GetAppKey: { status: 200, body: JSON.stringify({ ...APP_KEY_ANSWER, ca_cert: other }) } } });
    await expect(client.getAppKey('')).rejects.toEqual(failure('KMS_NOT_TRUSTED'));
  });
});

describe('createKmsClient with a server that misbehaves', () => {
  it.each([
    ['not JSON', { status: 200, body: 'hello' }],
    ['an error that is no text', { status: 404, body: '{"error":{"code":404}}' }],
    ['a key of another length', { status: 200, body: '{"key":"66"}' }],
    ['a key that is no hex', { status: 200, body: `{"key":"${'zz'.repeat(32)}"}` }],
    ['an endless answer', { status: 200, body: `{"key":"${'0'.repeat(5 * 1024 * 1024)}"}` }],
  ])('refuses %s', async (_what, answer) => {
    const { client } = await start({ answers: { GetKey: answer } });
    await expect(client.getKey('a')).rejects.toEqual(failure('KMS_ANSWER_INVALID'));
  });

  it('gives up on silence, and on a port nobody listens on', async () => {
    const { client, kms: server } = await start({ answers: { GetKey: 'silence' } }, { totalTimeoutMs: 300 });
    await expect(client.getKey('a')).rejects.toEqual(failure('KMS_UNREACHABLE'));
    await server.stop();
    await expect(clientOf(server.url).getKey('a')).rejects.toEqual(failure('KMS_UNREACHABLE'));
  });

  it('tries the temporary CA again after a failure', async () => {
    const answers: Record<string, { status: number; body: string }> = { GetTempCaCert: { status: 500, body: '{"error":"x"}' } };
    const { client } = await start({ answers });
    await expect(client.getKey('a')).rejects.toEqual(failure('KMS_REFUSED'));
    delete answers['GetTempCaCert'];
    expect(await client.getKey('a')).toHaveLength(32);
  });
});
