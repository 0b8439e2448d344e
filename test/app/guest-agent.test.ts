import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createConnection } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import { Agent, request } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { GuestAgent } from '../../gen/dstack/guestagent/v1/guest_agent_pb.js';
import { verifyRaTlsCertificate } from '../../src/attestation/ra-tls/binding.js';
import { createAttestationVerifier } from '../../src/attestation/evidence/attestation-verifier.js';
import { parseNsmDocument } from '../../src/attestation/nitro/document.js';
import { decodeAttestation } from '../../src/attestation/wire/decode.js';
import { taggedReportData } from '../../src/crypto/report-data.js';
import type { AgentListeners } from '../../src/app/agent-listeners.js';
import { choosePlatform } from '../../src/app/agent-platform.js';
import { type AgentOverrides, createGuestAgentApp, type GuestAgentApp } from '../../src/app/guest-agent.js';
import { parseAppCompose } from '../../src/guest-agent/app-compose.js';
import { parseAppKeys } from '../../src/guest-agent/app-keys.js';
import { developmentRoots } from '../../src/simulator/roots.js';
import { createDevelopmentCollateral } from '../../src/simulator/tdx-collateral.js';
import { createDevelopmentTdxPki } from '../../src/simulator/tdx-pki.js';
import { APP_KEY_ANSWER, ROOT_KEY, startTestKms, type TestKms } from '../outbound/test-kms.js';
import { bytes, hex } from '../guest-agent/fixture.js';
import { type AgentDirectory, createAgentDirectory, type DirectoryOptions, SEED } from './agent-directory.js';

const clock = (): number => Date.now() / 1000;
const verifier = createAttestationVerifier({
  roots: developmentRoots(bytes(SEED)),
  collateral: { getCollateral: async () => createDevelopmentCollateral(createDevelopmentTdxPki(bytes(SEED)), { now: Math.floor(clock()) }) },
  clock,
});

interface Running {
  readonly directory: AgentDirectory;
  readonly app: GuestAgentApp;
  readonly listeners: AgentListeners;
}

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).toReversed()) await clean();
});

async function start(options: DirectoryOptions = {}, change: Record<string, unknown> = {}, overrides: AgentOverrides = {}): Promise<Running> {
  const directory = createAgentDirectory(options);
  cleanups.push(() => directory.remove());
  const app = createGuestAgentApp(directory.config(change), overrides);
  cleanups.push(() => app.stop(1000));
  return { directory, app, listeners: await app.start() };
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly json: Record<string, unknown>;
}

async function call(socketPath: string | null, url: string, body: unknown = null): Promise<Answer> {
  const dispatcher = new Agent({ connect: socketPath === null ? { rejectUnauthorized: false } : { socketPath } });
  const post = body === null ? {} : { method: 'POST' as const, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const answer = await request(url, { dispatcher, ...post });
  const json = (await answer.body.json()) as Record<string, unknown>;
  await dispatcher.close();
  return { status: answer.statusCode, headers: answer.headers, json };
}

const onSocket = (running: Running, path: string, body: unknown = null): Promise<Answer> => call(running.directory.dstackSock, `http://localhost${path}`, body);

function externalUrl({ listeners }: Running, path: string, scheme = 'http'): string {
  const { address } = listeners.external ?? { address: null };
  if (address?.kind !== 'tcp') throw new Error('no external TCP listener');
  return `${scheme}://127.0.0.1:${address.port}${path}`;
}

const names = (attestation: string): string[] => decodeAttestation(bytes(attestation)).stack.runtimeEvents.map(({ event }) => event);
const base64 = (value: unknown): Buffer => Buffer.from(String(value), 'base64');

describe('GET /GetQuote', () => {
  it('answers base64 and the registers of the very quote', async () => {
    const { status, headers, json } = await onSocket(await start(), '/GetQuote?report_data=0x1234deadbeef');
    expect([status, headers['content-type']]).toEqual([200, 'application/json']);
    const quote = base64(json['quote']);
    expect(Object.keys(json)).toEqual(['quote', 'rtmr0', 'rtmr1', 'rtmr2', 'rtmr3', 'event_log', 'report_data', 'vm_config']);
    expect(json['report_data']).toBe(`1234deadbeef${'00'.repeat(58)}`);
    expect(quote.subarray(568, 632).toString('hex')).toBe(json['report_data']);
    for (const i of [0, 1, 2, 3]) expect(json[`rtmr${i}`]).toBe(quote.subarray(376 + 48 * i, 424 + 48 * i).toString('hex'));
  });

  it('is the prpc form with ?encoding=hex', async () => {
    const running = await start();
    const { json } = await onSocket(running, '/GetQuote?report_data=ab&encoding=hex');
    expect(Object.keys(json)).toEqual(['quote', 'event_log', 'report_data', 'vm_config']);
    expect(Object.keys((await onSocket(running, '/GetQuote', { report_data: 'ab' })).json)).toEqual(Object.keys(json));
    expect(String(json['quote']).slice(568 * 2, 569 * 2)).toBe('ab');
  });

  it.each(['?report_data=zz', '?report_data=abc', `?report_data=${'00'.repeat(65)}`, '?report_data=00&report_data=00', '?encoding=base32', `?report_data=${'0'.repeat(9000)}`])(
    'refuses %s',
    async (query) => {
      const { status, json } = await onSocket(await start(), `/GetQuote${query}`);
      expect([status, json['code']]).toEqual([400, 'INVALID_ARGUMENT']);
    },
  );
});

describe('on a Nitro Enclave', () => {
  const nitro = { default: { core: { simulator: { machine: 'nitro-enclave' } } } };

  it('GET /GetAttestation answers the document with what was asked for', async () => {
    const { status, json } = await onSocket(await start({}, nitro), '/GetAttestation?user_data=0x1234&nonce=56&public_key=78');
    expect([status, Object.keys(json)]).toEqual([200, ['document']]);
    const { userData, nonce, publicKey } = parseNsmDocument(base64(json['document']));
    expect([userData, nonce, publicKey].map((field) => hex(field ?? new Uint8Array()))).toEqual(['1234', '56', '78']);
    const refused = await onSocket(await start({}, nitro), `/GetAttestation?user_data=${'00'.repeat(513)}`);
    expect([refused.status, refused.json['code']]).toEqual([400, 'INVALID_ARGUMENT']);
  });

  it('GET /GetQuote names the platform, the POST form answers the attestation', async () => {
    const running = await start({}, nitro);
    const { status, json } = await onSocket(running, '/GetQuote');
    expect([status, json['code']]).toEqual([400, 'UNSUPPORTED_PLATFORM']);
    expect(json['error']).toContain('AWS Nitro Enclave');
    const posted = (await onSocket(running, '/GetQuote', { report_data: '01' })).json;
    expect([posted['quote'], posted['event_log']]).toEqual(['', '']);
    expect(decodeAttestation(bytes(String(posted['attestation']))).platform.kind).toBe('nitro-enclave');
  });

  it('EmitEvent is refused, and GetKey serves as anywhere', async () => {
    const running = await start({}, nitro);
    expect((await onSocket(running, '/EmitEvent', { event: 'x', payload: '' })).json['code']).toBe('UNSUPPORTED_PLATFORM');
    expect((await onSocket(running, '/GetKey', { name: 'test' })).json['key']).toBe('133e8ca6e532ead3e38f00347408771da296e9c70e8e3e362f485154e64ef4e8');
  });

  it('is refused GET /GetAttestation elsewhere', async () => {
    const { status, json } = await onSocket(await start(), '/GetAttestation');
    expect([status, json['code']]).toEqual([400, 'UNSUPPORTED_PLATFORM']);
    expect(json['error']).toContain('Intel TDX');
  });
});

describe('GetKey', () => {
  it('takes name for path, and refuses two different ones', async () => {
    const running = await start();
    const key = async (body: object): Promise<unknown> => (await onSocket(running, '/GetKey', body)).json['key'];
    expect(await key({ name: 'a' })).toBe(await key({ path: 'a' }));
    expect((await onSocket(running, '/GetKey', { path: 'a', name: 'b' })).json['code']).toBe('INVALID_ARGUMENT');
  });

  it('answers over Connect and gRPC as over prpc', async () => {
    const { directory } = await start();
    const nodeOptions = { createConnection: () => createConnection(directory.dstackSock) };
    const connect = createClient(GuestAgent, createConnectTransport({ baseUrl: 'http://localhost', httpVersion: '1.1', nodeOptions }));
    const grpc = createClient(GuestAgent, createGrpcTransport({ baseUrl: 'http://localhost', nodeOptions }));
    for (const client of [connect, grpc]) {
      const { key, signatureChain } = await client.getKey({ path: 'test', purpose: 'signing' });
      expect(hex(key)).toBe('133e8ca6e532ead3e38f00347408771da296e9c70e8e3e362f485154e64ef4e8');
      expect(signatureChain.map(({ length }) => length)).toEqual([65, 65]);
    }
  });
});

describe('certificates', () => {
  it('carry names, usages and evidence of the instance, under the application CA', async () => {
    const running = await start();
    const wanted = { subject: 'example.com', alt_names: ['example.com', '10.0.0.1'], usage_ra_tls: true, usage_server_auth: true, with_app_info: true };
    const { json } = await onSocket(running, '/GetTlsKey', wanted);
    const [leafPem = '', caPem = '', ...rest] = json['certificate_chain'] as string[];
    const [leaf, ca] = [new X509Certificate(leafPem), new X509Certificate(caPem)];
    expect(rest).toEqual([]);
    expect(leaf.verify(ca.publicKey)).toBe(true);
    expect(leaf.checkPrivateKey(createPrivateKey(String(json['key'])))).toBe(true);
    expect([leaf.subject, leaf.subjectAltName, leaf.keyUsage]).toEqual(['CN=example.com', 'DNS:example.com, IP Address:10.0.0.1', ['1.3.6.1.5.5.7.3.1']]);
    expect((await verifyRaTlsCertificate(Uint8Array.from(leaf.raw), verifier)).variant).toBe('dstack-tdx');
  });

  it('never share a key between two calls of GetTlsKey, always between two of DeriveKey', async () => {
    const running = await start();
    const tls = async (): Promise<unknown> => (await onSocket(running, '/GetTlsKey', {})).json['key'];
    expect(await tls()).not.toBe(await tls());
    const derive = async (body: object): Promise<string> => String((await call(running.directory.tappdSock, 'http://localhost/prpc/Tappd.DeriveKey?json', body)).json['key']);
    const key = await derive({ path: 'test' });
    expect(await derive({ path: 'test' })).toBe(key);
    expect(await derive({ path: 'test', random_seed: true })).not.toBe(key);
    // spec/guest-agent.md section 17
    expect(key.replace(/-----[A-Z ]+-----|\n/g, '')).toBe(
      'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgEz6MpuUy6tPjjwA0dAh3HaKW6ccOjj42L0hRVOZO9OihRANCAATq4OAo6VD5JMiYF1MjLZvxceBHBrF2c9VWSegUWDWFkwhFbsmNZgBvB2z3xllwth3h5fYZSAw6kRpwAjQ2DShX',
    );
  });

  it.each([
    [{ not_before: 20, not_after: 20 }],
    [{ not_after: 253_402_300_800 }],
    [{ subject: 'x'.repeat(1025) }],
    [{ alt_names: ['x'.repeat(256)] }],
    [{ alt_names: Array.from({ length: 257 }, () => 'x') }],
    [{ alt_names: ['é'] }],
  ])('are refused for %j', async (body) => {
    expect((await onSocket(await start(), '/GetTlsKey', body)).json['code']).toBe('INVALID_ARGUMENT');
  });
});

describe('EmitEvent and Info', () => {
  it('Info follows an event, and otherwise costs no quote', async () => {
    const directory = createAgentDirectory();
    cleanups.push(() => directory.remove());
    const { core } = directory.config();
    const real = await choosePlatform({ core, compose: parseAppCompose(readFileSync(core.composeFile)), vmConfig: JSON.stringify({ os_image_hash: '44'.repeat(32) }), mrConfig: '', clock, environment: {} });
    let quotes = 0;
    const evidence = {
      ...real.evidence,
      attest: (reportData: Uint8Array) => {
        quotes += 1;
        return real.evidence.attest(reportData);
      },
    };
    const running = await start({}, {}, { platform: { ...real, evidence } });
    const rtmr3 = async (): Promise<unknown> => (JSON.parse(String((await onSocket(running, '/Info')).json['tcb_info'])) as Record<string, unknown>)['rtmr3'];
    const before = await rtmr3();
    const used = quotes;
    for (let i = 0; i < 20; i++) await rtmr3();
    expect(quotes).toBe(used);
    const { status, json } = await onSocket(running, '/EmitEvent', { event: 'mine', payload: '0102' });
    expect([status, json]).toEqual([200, null]);
    expect(await rtmr3()).not.toBe(before);
    expect(quotes).toBe(used + 1);
  });

  it('shows a demonstration certificate from the first call on', async () => {
    const { json } = await onSocket(await start(), '/Info');
    expect(new X509Certificate(String(json['app_cert'])).subject).toBe('CN=demo-cert');
    expect(json['app_name']).toBe('test-app');
    expect(JSON.parse(String(json['tcb_info']))).toMatchObject({ development: true });
  });
});

describe('the external listener', () => {
  it('serves the attestation with a hashed challenge', async () => {
    const running = await start();
    const { status, headers, json } = await call(null, externalUrl(running, '/attestation?challenge=0xc0ffee'));
    expect([status, json['platform'], json['challenge'], json['hash_algorithm'], json['fresh']]).toEqual([200, 'dstack-tdx', 'c0ffee', 'sha512', true]);
    expect(headers['x-app-version']).toMatch(/^v\d+\.\d+\.\d+ \(/);
    expect(json['report_data']).toBe(hex(taggedReportData('app-data', bytes('c0ffee'))));
    const attestation = decodeAttestation(bytes(String(json['attestation'])));
    expect(hex((await verifier.verify(attestation)).reportData)).toBe(json['report_data']);
    expect(json['compose_hash']).toBe(createHash('sha256').update(readFileSync(running.directory.config().core.composeFile)).digest('hex'));
    expect(json['app_id']).toBe(String(json['compose_hash']).slice(0, 40));
    expect(base64(json['quote']).subarray(568, 632).toString('hex')).toBe(json['report_data']);
  });

  it('limits fresh evidence per peer, and serves recent evidence all the same', async () => {
    let now = 0;
    const running = await start({}, {}, { now: () => now });
    const fresh = async (): Promise<[number, unknown]> => {
      const { status, json } = await call(null, externalUrl(running, '/attestation?challenge=00'));
      return [status, json['code']];
    };
    for (let i = 0; i < 5; i++) expect((await fresh())[0]).toBe(200);
    expect(await fresh()).toEqual([429, 'RESOURCE_EXHAUSTED']);
    now += 30_000;
    const recent = await call(null, externalUrl(running, '/attestation'));
    expect([recent.status, recent.json['fresh']]).toEqual([200, false]);
    now += 30_000;
    expect((await call(null, externalUrl(running, '/attestation'))).json['age_seconds']).toBe(30);
    expect((await fresh())[0]).toBe(200);
  });

  it('hides what the application keeps private', async () => {
    const running = await start({ compose: { public_tcbinfo: false } });
    const { json } = await call(null, externalUrl(running, '/attestation'));
    expect([json['event_log'], json['vm_config'], json['attestation']]).toEqual(['', '', '']);
    const info = (await call(null, externalUrl(running, '/prpc/Worker.Info'))).json;
    expect([info['tcb_info'], info['vm_config']]).toEqual(['', '']);
    expect((await onSocket(running, '/Info')).json['tcb_info']).not.toBe('');
  });

  it('speaks HTTPS with a certificate that proves the instance, where configured', async () => {
    const running = await start({}, { external: { tls: 'ra-tls', tls_alt_names: ['localhost'] } });
    expect((await call(null, externalUrl(running, '/prpc/Version', 'https'))).json['version']).toMatch(/^\d/);
    const port = Number(new URL(externalUrl(running, '/')).port);
    const certificate = await new Promise<Buffer>((resolve, reject) => {
      const socket = tlsConnect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
        resolve(socket.getPeerCertificate().raw);
        socket.destroy();
      });
      socket.on('error', reject);
    });
    expect((await verifyRaTlsCertificate(Uint8Array.from(certificate), verifier)).variant).toBe('dstack-tdx');
  });
});

describe('keys from a KMS', () => {
  async function startKms(answers = {}): Promise<TestKms> {
    const { evidence } = await kmsPlatform();
    const kms = await startTestKms({ evidence, answers });
    cleanups.push(() => kms.stop());
    return kms;
  }
  async function kmsPlatform(): ReturnType<typeof choosePlatform> {
    const directory = createAgentDirectory();
    cleanups.push(() => directory.remove());
    const { core } = directory.config();
    return choosePlatform({ core, compose: parseAppCompose(readFileSync(core.composeFile)), vmConfig: '{}', mrConfig: '', clock, environment: {} });
  }

  it('are obtained over RA-TLS at start, measured, and kept in memory', async () => {
    const kms = await startKms();
    const running = await start({ kmsUrls: ['https://localhost:1', kms.url], withKeys: false }, {}, { verifier });
    const key = (await onSocket(running, '/GetKey', { path: 'a' })).json;
    expect((key['signature_chain'] as string[])[1]).toBe(APP_KEY_ANSWER.k256_signature);
    expect(existsSync(running.directory.keysFile)).toBe(false);
    const { attestation } = (await onSocket(running, '/Attest', {})).json;
    expect(names(String(attestation))).toEqual(['system-preparing', 'app-id', 'compose-hash', 'instance-id', 'boot-mr-done', 'os-image-hash', 'key-provider', 'system-ready']);
    const info = (await onSocket(running, '/Info')).json;
    expect(JSON.parse(String(info['key_provider_info']))).toEqual({ name: 'kms', id: hex(ROOT_KEY.spki) });
  });

  it('are signed for by that KMS', async () => {
    const kms = await startKms();
    const running = await start({ kmsUrls: [kms.url], withKeys: false }, {}, { verifier });
    const { json } = await onSocket(running, '/GetTlsKey', { subject: 'from-kms', usage_ra_tls: true });
    const chain = (json['certificate_chain'] as string[]).map((pem) => new X509Certificate(pem));
    expect(chain.map(({ subject }) => subject)).toEqual(['CN=from-kms', 'O=Dstack\nCN=Dstack App CA', 'O=Dstack\nCN=Dstack KMS CA']);
    expect(kms.calls.at(-1)).toMatchObject({ method: 'SignCert', body: { api_version: 2 } });
  });

  it('are written down only when asked to, for the owner alone, and found again', async () => {
    const kms = await startKms();
    const running = await start({ kmsUrls: [kms.url], withKeys: false }, { default: { core: { provisioning: { write_keys_file: true } } } }, { verifier });
    const { keysFile } = running.directory;
    expect(statSync(keysFile).mode & 0o777).toBe(0o600);
    expect(parseAppKeys(readFileSync(keysFile, 'utf8')).keyProvider).toMatchObject({ kind: 'kms', url: `${kms.url}/prpc`, pubkey: Uint8Array.from(ROOT_KEY.spki) });
    const calls = kms.calls.length;
    const again = createGuestAgentApp(running.directory.config(), { verifier });
    await running.app.stop(1000);
    cleanups.push(() => again.stop(1000));
    await again.start();
    expect(kms.calls.slice(calls).map(({ method }) => method)).not.toContain('GetAppKey');
  });

  it('are not had from a KMS whose root is not the pinned one; nothing is served then', async () => {
    const kms = await startKms();
    const directory = createAgentDirectory({ kmsUrls: [kms.url], withKeys: false, compose: { key_provider: 'kms', key_provider_id: '3059' } });
    cleanups.push(() => directory.remove());
    await expect(createGuestAgentApp(directory.config(), { verifier }).start()).rejects.toEqual(expect.objectContaining({ name: 'KmsClientError', code: 'KMS_NOT_TRUSTED' }));
    expect(existsSync(directory.dstackSock)).toBe(false);
  });

  it('are not had when the KMS refuses', async () => {
    const kms = await startKms({ GetAppKey: { status: 400, body: '{"error":"Boot denied","code":"MEASUREMENT_NOT_FOUND"}' } });
    const directory = createAgentDirectory({ kmsUrls: [kms.url, 'https://localhost:1'], withKeys: false });
    cleanups.push(() => directory.remove());
    await expect(createGuestAgentApp(directory.config(), { verifier }).start()).rejects.toEqual(expect.objectContaining({ code: 'KMS_REFUSED', kmsCode: 'MEASUREMENT_NOT_FOUND' }));
  });
});

describe('starting and stopping', () => {
  it('creates the socket with the configured mode, and removes it', async () => {
    const { directory, app } = await start();
    expect(statSync(directory.dstackSock).mode & 0o777).toBe(0o600);
    expect(statSync(directory.tappdSock).mode & 0o777).toBe(0o777);
    await app.stop(1000);
    expect(existsSync(directory.dstackSock)).toBe(false);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['a missing compose file', { default: { core: { compose_file: '/nonexistent' } } }, 'CONFIG_UNREADABLE'],
    ['HTTPS on a vsock address', { external: { address: 'vsock:16', port: 8090, tls: 'ra-tls' } }, 'CONFIG_INVALID'],
    ['a vsock address without a port', { 'internal-v0': { address: 'vsock:16' } }, 'CONFIG_INVALID'],
    ['HTTPS on a unix socket', { external: { address: 'unix:/tmp/never.sock', tls: 'ra-tls' } }, 'CONFIG_INVALID'],
    ['no keys and no KMS', { default: { core: { keys_file: '/nonexistent' } } }, 'CONFIG_UNREADABLE'],
  ])('fails on %s and leaves nothing open', async (_what, change, code) => {
    const directory = createAgentDirectory();
    cleanups.push(() => directory.remove());
    await expect(createGuestAgentApp(directory.config(change)).start()).rejects.toEqual(expect.objectContaining({ name: 'ConfigError', code }));
    expect(existsSync(directory.dstackSock)).toBe(false);
  });

  it('never logs a secret', async () => {
    const lines: string[] = [];
    const write = (fields: object, message: string): void => void lines.push(JSON.stringify([fields, message]));
    const running = await start({}, {}, { log: { info: write, warn: write, error: write } });
    const key = String((await onSocket(running, '/GetKey', { path: 'secret-path' })).json['key']);
    await onSocket(running, '/Sign', { algorithm: 'nope', data: 'c0ffee' });
    const log = lines.join('\n');
    expect(log).toContain('dstack.guestagent.v1.GuestAgent/GetKey');
    expect(log).toContain('INVALID_ARGUMENT');
    for (const secret of [key, 'secret-path', 'c0ffee', 'd6e88992cdeeee35']) expect(log).not.toContain(secret);
  });
});
