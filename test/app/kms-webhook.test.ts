import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { identityOf, RECORDED_AT, recordedConfig, recordedKeyDirectory, type RunningKms, startKms, vectorText } from './support/recorded-kms.js';
import { TlsClient } from './support/tls-client.js';

interface RecordedWebhookCall {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body?: Record<string, unknown>;
}

interface RecordedCase {
  readonly evidence: string;
  readonly form: string;
  readonly client_pem: string;
  readonly request: Record<string, unknown>;
  readonly webhook: readonly RecordedWebhookCall[];
  readonly status: number;
  readonly answer: Record<string, unknown>;
}

const ALLOWED = { isAllowed: true, gatewayAppId: '0x7777777777777777777777777777777777777777', reason: '' };
const all = JSON.parse(vectorText('kms/boot-info.json')) as RecordedCase[];
const named = (name: string): RecordedCase => {
  const found = all.find((entry) => entry.evidence === name);
  if (found === undefined) throw new Error(`no recording of ${name}`);
  return found;
};

const received: { method: string; path: string; headers: Record<string, unknown>; body: string }[] = [];
let respond: (request: IncomingMessage, response: ServerResponse) => void;
let webhook: Server;
let kms: RunningKms;

const answerJson = (value: unknown, status = 200) => (_request: IncomingMessage, response: ServerResponse): void => {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
};

beforeAll(async () => {
  webhook = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => {
      received.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() });
      respond(request, response);
    });
  });
  await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(webhook.address() as AddressInfo).port}`;
  kms = await startKms(recordedConfig(recordedKeyDirectory(), { auth_api: { type: 'webhook', webhook: { url } } }), { clock: () => RECORDED_AT });
});

afterAll(async () => {
  await kms.app.stop(500);
  webhook.closeAllConnections();
  webhook.close();
});

beforeEach(() => {
  received.length = 0;
  respond = answerJson(ALLOWED);
});

async function getAppKey({ client_pem: pem, request }: RecordedCase, method = 'GetAppKey'): Promise<{ status: number; body: Record<string, unknown> }> {
  const client = new TlsClient(kms.port, identityOf(pem));
  const answer = await client.call(method, request);
  client.close();
  return { status: answer.status, body: answer.json() };
}

describe('the policy webhook', () => {
  it.each(['tdx', 'tdx-after-ready', 'gcp-tdx', 'nitro'])('is sent the same JSON key for key, and ours after it: %s', async (name) => {
    const entry = named(name);
    const answer = await getAppKey(entry);
    expect(answer).toEqual({ status: entry.status, body: entry.answer });
    expect(Object.keys(answer.body)).toEqual(Object.keys(entry.answer));
    const [call, ...more] = received;
    const [expected] = entry.webhook;
    expect(more).toEqual([]);
    expect(call).toMatchObject({ method: expected?.method, path: expected?.path });
    expect(call?.headers).toMatchObject({ 'content-type': 'application/json', 'user-agent': expect.stringMatching(/^dstack-kms\//), accept: '*/*' });
    const body = JSON.parse(call?.body ?? '') as Record<string, unknown>;
    expect(Object.entries(body)).toEqual([...Object.entries(expected?.body ?? {}), ['attestationMode', expected?.body?.['teeVariant']]]);
  });

  it('is asked about version 2 events in their stripped form, which the existing KMS refuses', async () => {
    expect((await getAppKey(named('tdx-events-v2'))).status).toBe(200);
    expect(received).toHaveLength(1);
  });

  it.each(['nitro-debug', 'nitro-image-hash-mismatch'])('is not asked about an enclave whose image is not what it says: %s', async (name) => {
    const { status, body } = await getAppKey(named(name));
    expect({ status, code: body['code'] }).toEqual({ status: 400, code: 'UNAUTHORIZED' });
    expect(String(body['error']).startsWith('App not allowed: Failed to verify os image hash: Failed to verify os image hash: ')).toBe(true);
    expect(received).toEqual([]);
  });

  it('is not asked about SEV-SNP as long as its gate is closed, for no kind of key', async () => {
    for (const method of ['GetAppKey', 'GetKmsKey']) {
      const { status, body } = await getAppKey(named('sev-snp'), method);
      expect({ status, body }).toEqual({ status: 400, body: { error: 'amd sev-snp key release is not enabled', code: 'UNAUTHORIZED' } });
    }
    expect(received).toEqual([]);
  });

  it('is sent the same keys for SEV-SNP when the gate is open, the whole chip id for the device', async () => {
    const url = `http://127.0.0.1:${(webhook.address() as AddressInfo).port}`;
    const open = await startKms(recordedConfig(recordedKeyDirectory(), { auth_api: { type: 'webhook', webhook: { url } }, sev_snp_key_release: true }));
    try {
      const client = new TlsClient(open.port, identityOf(named('sev-snp').client_pem));
      const answer = await client.call('GetAppKey', named('sev-snp').request);
      client.close();
      expect(answer.status).toBe(200);
      expect(Object.keys(answer.json())).toEqual(Object.keys(named('tdx').answer));
    } finally {
      await open.app.stop(500);
    }
    const sent = JSON.parse(received[0]?.body ?? '') as Record<string, unknown>;
    expect(Object.keys(sent)).toEqual([...Object.keys(named('tdx').webhook[0]?.body ?? {}), 'attestationMode']);
    expect(sent).toMatchObject({ teeVariant: 'dstack-amd-sev-snp', deviceId: '33'.repeat(64), appId: 'a0'.repeat(20), composeHash: 'c0'.repeat(32), instanceId: '', tcbStatus: 'UpToDate', advisoryIds: [] });
    expect(received).toHaveLength(1);
  });

  it('denies with its reason, as a measurement that is not listed', async () => {
    respond = answerJson({ isAllowed: false, gatewayAppId: '', reason: 'App not registered' });
    expect(await getAppKey(named('tdx'))).toEqual({ status: 400, body: { error: 'App not allowed: Boot denied: App not registered', code: 'MEASUREMENT_NOT_FOUND' } });
    expect(await getAppKey(named('tdx'), 'GetKmsKey')).toMatchObject({ body: { error: 'Boot denied: App not registered', code: 'MEASUREMENT_NOT_FOUND' } });
    expect(received.map(({ path }) => path)).toEqual(['/bootAuth/app', '/bootAuth/kms']);
  });

  it.each([
    ['an error status', answerJson({ isAllowed: true, gatewayAppId: '', reason: '' }, 500)],
    ['a redirect', (_: IncomingMessage, response: ServerResponse) => void response.writeHead(307, { Location: '/elsewhere' }).end()],
    ['no JSON', (_: IncomingMessage, response: ServerResponse) => void response.end('isAllowed: true')],
    ['a missing key', answerJson({ isAllowed: true, gatewayAppId: '' })],
    ['a text for a truth value', answerJson({ ...ALLOWED, isAllowed: 'true' })],
    ['an endless answer', (_: IncomingMessage, response: ServerResponse) => void response.write(`{"isAllowed":true,"gatewayAppId":"","reason":"${'x'.repeat(128 * 1024)}`)],
    ['a broken connection', (request: IncomingMessage) => void request.socket.destroy()],
  ])('releases nothing on %s, and the caller learns nothing', async (_name, bad) => {
    respond = bad;
    expect(await getAppKey(named('tdx'))).toEqual({ status: 400, body: { error: 'internal error', code: 'INTERNAL_ERROR' } });
  });

  it('describes itself in GetMeta, which fails without it', async () => {
    respond = answerJson({ status: 'ok', kmsContractAddr: '0xab', gatewayAppId: '0x77', chainId: 8453, appImplementation: '0xcd', extra: 1 });
    const client = new TlsClient(kms.port);
    const meta = await client.call('GetMeta');
    expect(meta.json()).toMatchObject({ is_dev: false, gateway_app_id: '0x77', kms_contract_address: '0xab', chain_id: 8453, app_auth_implementation: '0xcd' });
    expect(received[0]).toMatchObject({ method: 'GET', path: '/', body: '' });
    respond = answerJson({ gatewayAppId: '' });
    expect((await client.call('GetMeta')).json()).toMatchObject({ code: 'INTERNAL_ERROR' });
    client.close();
  });
});
