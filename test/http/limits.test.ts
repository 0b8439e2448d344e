import { connect as connectHttp2 } from 'node:http2';
import type { ClientHttp2Session, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import { afterEach, describe, expect, it } from 'vitest';
import type { HandlerOptions } from '../../src/http/handler-options.js';
import type { ListenLimits, Listener } from '../../src/http/listen/listener.js';
import { listenTcp } from '../../src/http/listen/tcp.js';
import { createRequestHandler } from '../../src/http/request-handler.js';
import { GET_KEY_PATH, KEY, RawClient, baseUrlOf, fixture, get, parseAnswers, post, raw } from './fixture.js';
import type { Behaviour, Fixture } from './fixture.js';

const listeners: Listener[] = [];
const sessions: ClientHttp2Session[] = [];
afterEach(async () => {
  for (const each of sessions.splice(0)) each.destroy();
  await Promise.all(listeners.splice(0).map((listener) => listener.stop(0)));
});

async function start(limits: Partial<ListenLimits> = {}, options: Partial<HandlerOptions> = {}, behaviour?: Behaviour): Promise<Fixture & { listener: Listener }> {
  const made = fixture(options, behaviour);
  const listener = await listenTcp({ host: '127.0.0.1', port: 0 }, { handler: createRequestHandler(made.options), limits });
  listeners.push(listener);
  return { ...made, listener };
}

function session(listener: Listener): ClientHttp2Session {
  const made = connectHttp2(baseUrlOf(listener));
  made.on('error', () => undefined);
  sessions.push(made);
  return made;
}

interface Http2Answer {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

function ask(client: ClientHttp2Session, headers: OutgoingHttpHeaders, body: Uint8Array | string | null): Promise<Http2Answer> {
  return new Promise((resolve) => {
    const stream = client.request(headers);
    let answered: IncomingHttpHeaders = {};
    let text = '';
    stream.setEncoding('latin1');
    stream.on('response', (received) => (answered = received));
    stream.on('data', (chunk: string) => (text += chunk));
    stream.on('error', () => undefined);
    // Node's client does not close a stream that was reset without error while it was sending; its answer ends all the same.
    for (const end of ['end', 'close']) stream.on(end, () => resolve({ headers: answered, body: text }));
    if (body !== null) stream.end(body);
  });
}

const JSON_POST = { ':method': 'POST', ':path': '/prpc/GetKey?json' };

describe('time', () => {
  it('a connection that says nothing is closed', async () => {
    const { listener } = await start({ headersTimeout: 100 });
    const client = new RawClient(listener);
    expect(await client.untilClosed()).toBe('');
  });

  it('a slow HTTP/2 preface is no way around it', async () => {
    const { listener } = await start({ headersTimeout: 100 });
    expect(await new RawClient(listener).send('PRI * HTTP').untilClosed()).toBe('');
  });

  it('a slow header is answered 408 and closed', async () => {
    const { listener } = await start({ headersTimeout: 100 });
    const client = new RawClient(listener).send('POST /prpc/GetKey HTTP/1.1\r\nHost: x\r\n');
    expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('a slow body is answered 408 and closed, and recorded', async () => {
    const { listener, audit } = await start({ headersTimeout: 100, requestTimeout: 200 });
    const client = new RawClient(listener).send('POST /prpc/GetKey HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{');
    expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 408 /);
    await expect.poll(() => audit.map(({ code }) => code)).toEqual(['INVALID_ARGUMENT']);
  });

  it('a slow HTTP/2 body is refused', async () => {
    const { listener } = await start({}, { limits: { bodyMs: 100 } });
    const answer = await ask(session(listener), JSON_POST, null);
    expect(answer.headers[':status']).toBe(400);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('a slow HTTP/2 gRPC request is reset', async () => {
    const { listener } = await start({}, { limits: { bodyMs: 50, callMs: 50 } });
    const answer = await ask(session(listener), { ':method': 'POST', ':path': GET_KEY_PATH, 'content-type': 'application/grpc' }, null);
    expect(answer.headers[':status']).toBeUndefined();
  });

  it('a silent HTTP/2 connection is closed', async () => {
    const { listener } = await start({ sessionTimeout: 100 });
    const client = session(listener);
    await new Promise((resolve) => client.once('close', resolve));
    expect(client.destroyed).toBe(true);
  });

  it('idle HTTP/1.1 connections live as long as pooling clients expect', async () => {
    const { listener } = await start();
    const answer = await raw(listener, get('/health'));
    expect(Number(/timeout=(\d+)/.exec(answer.headers['keep-alive'] ?? '')?.[1])).toBeGreaterThanOrEqual(10);
  });

  it('a handler that overruns is answered for and told to stop', async () => {
    const aborted: unknown[] = [];
    const hang: Behaviour = (_, call) =>
      new Promise((_resolve, reject) => {
        call.signal.addEventListener('abort', () => {
          aborted.push(call.signal.reason);
          reject(call.signal.reason as Error);
        });
      });
    const { listener, audit } = await start({}, { limits: { callMs: 50 } }, hang);
    const answer = await raw(listener, ...post('/prpc/GetKey?json', '{}'));
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(aborted).toMatchObject([{ code: 'DEADLINE_EXCEEDED' }]);
    expect(audit).toHaveLength(1);
  });

  it('a handler learns that its client has gone', async () => {
    let gone = false;
    const hang: Behaviour = (_, call) => {
      call.signal.addEventListener('abort', () => (gone = true));
      return new Promise(() => undefined);
    };
    const { listener } = await start({}, {}, hang);
    const client = new RawClient(listener).send(...post('/prpc/GetKey?json', '{}'));
    setTimeout(() => client.socket.resetAndDestroy(), 50);
    await expect.poll(() => gone).toBe(true);
  });
});

describe('size', () => {
  const MIB = 1024 * 1024;

  it('10 MiB is accepted over prpc, one byte more is not', async () => {
    const { listener } = await start();
    const exact = `{"name":"${'a'.repeat(10 * MIB - 11)}"}`;
    expect(exact.length).toBe(10 * MIB);
    expect((await raw(listener, ...post('/prpc/GetKey?json', exact))).status).toBe(200);
    const answer = await raw(listener, ...post('/prpc/GetKey?json', `${exact} `));
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toEqual({ error: 'failed to read data: payload too large', code: 'INVALID_ARGUMENT' });
  });

  it('too large without ?json is said in protobuf, whatever the content type', async () => {
    const { listener } = await start({}, { limits: { prpcBody: 10 } });
    const answer = await raw(listener, ...post('/prpc/GetKey', ' '.repeat(11), 'Content-Type: application/json'));
    expect(answer.headers['content-type']).toBe('application/octet-stream');
    expect(answer.body).toContain('failed to read data: payload too large');
  });

  it('chunks are counted too, and the connection goes on', async () => {
    const { listener } = await start({}, { limits: { prpcBody: 10 } });
    const client = new RawClient(listener).send('POST /prpc/GetKey?json HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n        \r\n8\r\n        \r\n0\r\n\r\n');
    client.send(get('/health'));
    expect((await client.answers(2)).map(({ status }) => status)).toEqual([400, 200]);
    client.socket.destroy();
  });

  it.each(['application/json', 'application/proto', 'application/json; charset=utf8'])('4 MiB and a byte of %s is not accepted over Connect', async (type) => {
    const { listener } = await start();
    const body = type === 'application/proto' ? Buffer.alloc(4 * MIB + 1) : `{"name":"${'a'.repeat(4 * MIB - 10)}"}`;
    expect(body.length).toBe(4 * MIB + 1);
    const answer = await raw(listener, ...post(GET_KEY_PATH, body, `Content-Type: ${type}`));
    expect(answer.status).toBeGreaterThanOrEqual(400);
    const fits = type === 'application/proto' ? Buffer.alloc(0) : `{"name":"${'a'.repeat(4 * MIB - 11)}"}`;
    expect((await raw(listener, ...post(GET_KEY_PATH, fits, `Content-Type: ${type}`))).status).toBe(200);
  });

  it('an HTTP/2 client that sends too much gets its answer and is told to stop', async () => {
    const { listener } = await start({}, { limits: { prpcBody: 10 } });
    const client = session(listener);
    const answer = await ask(client, JSON_POST, Buffer.alloc(MIB));
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'INVALID_ARGUMENT' });
    // The rest of the upload takes nothing from the connection's flow control: other streams go on.
    for (let round = 0; round < 3; round++) expect((await ask(client, JSON_POST, '{}')).headers[':status']).toBe(200);
  });

  it('bodies of all requests together are bounded', async () => {
    const { listener } = await start({}, { limits: { bufferedBodies: 100 } });
    const holder = new RawClient(listener).send(`POST /prpc/GetKey?json HTTP/1.1\r\nHost: x\r\nContent-Length: 90\r\n\r\n${' '.repeat(80)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const refused = await raw(listener, ...post('/prpc/GetKey?json', `{"name":"${'a'.repeat(40)}"}`));
    expect(JSON.parse(refused.body)).toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    holder.socket.destroy();
    await expect.poll(async () => (await raw(listener, ...post('/prpc/GetKey?json', `{"name":"${'a'.repeat(40)}"}`))).status).toBe(200);
  });

  it('headers are bounded', async () => {
    const { listener } = await start();
    expect(await new RawClient(listener).send(get('/health', `X: ${'a'.repeat(17_000)}`)).untilClosed()).toMatch(/^HTTP\/1\.1 431 /);
    expect((await raw(listener, get('/health', `X: ${'a'.repeat(15_000)}`))).status).toBe(200);
  });

  it('malformed requests are answered 400', async () => {
    const { listener } = await start();
    for (const bytes of ['GARBAGE\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n', 'POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n']) {
      expect(await new RawClient(listener).send(bytes).untilClosed()).toMatch(/^HTTP\/1\.1 400 /);
    }
  });
});

describe('number', () => {
  it('of connections', async () => {
    const { listener } = await start({ maxConnections: 2 });
    const first = [new RawClient(listener).send(get('/health')), new RawClient(listener).send(get('/health'))];
    for (const client of first) await client.answers(1);
    expect(await new RawClient(listener).send(get('/health')).untilClosed()).toBe('');
    first[0]?.socket.destroy();
    await expect.poll(async () => parseAnswers(await new RawClient(listener).send(get('/health', 'Connection: close')).untilClosed())).toHaveLength(1);
    first[1]?.socket.destroy();
  });

  it('of calls, over all doors', async () => {
    const waiting: (() => void)[] = [];
    const { listener } = await start({}, { limits: { concurrentCalls: 2 } }, () => new Promise((resolve) => waiting.push(() => resolve(KEY))));
    const held = [0, 1].map(() => new RawClient(listener).send(...post('/prpc/GetKey?json', '{}')));
    await expect.poll(() => waiting.length).toBe(2);
    expect(JSON.parse((await raw(listener, ...post('/prpc/GetKey?json', '{}'))).body)).toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    const overConnect = await raw(listener, ...post(GET_KEY_PATH, '{}', 'Content-Type: application/json'));
    expect([overConnect.status, JSON.parse(overConnect.body)]).toMatchObject([429, { code: 'resource_exhausted' }]);
    waiting.forEach((release) => release());
    for (const client of held) expect((await client.answers(1))[0]?.status).toBe(200);
    const next = new RawClient(listener).send(...post('/prpc/GetKey?json', '{}'));
    await expect.poll(() => waiting.length).toBe(3);
    waiting[2]?.();
    expect((await next.answers(1))[0]?.status).toBe(200);
    for (const client of [...held, next]) client.socket.destroy();
  });

  it('of HTTP/2 streams', async () => {
    const { listener } = await start({ maxConcurrentStreams: 7 });
    const client = session(listener);
    await new Promise((resolve) => client.once('remoteSettings', resolve));
    expect(client.remoteSettings.maxConcurrentStreams).toBe(7);
  });
});

describe('what clients do', () => {
  it('half-close after the request and read the answer', async () => {
    const { listener } = await start();
    for (const name of ['a', 'later']) {
      const client = new RawClient(listener).send(...post('/prpc/GetKey?json', `{"name":"${name}"}`));
      client.socket.end();
      expect(parseAnswers(await client.untilClosed())).toMatchObject([{ status: 200 }]);
    }
  });

  it('wait for 100-continue', async () => {
    const { listener } = await start();
    const client = new RawClient(listener).send('POST /prpc/GetKey?json HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n');
    expect(await client.until((received) => received.includes('100 Continue'))).toContain('HTTP/1.1 100 Continue');
    expect((await client.send('{}').answers(1))[0]?.status).toBe(200);
    client.socket.destroy();
  });

  it('pipeline requests, and get answers in order', async () => {
    const { listener } = await start();
    const client = new RawClient(listener).send(...post('/prpc/GetKey?json', '{"name":"later"}'), ...post('/Nope?json', ''), get('/health'));
    expect((await client.answers(3)).map(({ body }) => body.slice(0, 4))).toEqual(['{"ke', '{\n  ', 'OK']);
    client.socket.destroy();
  });

  it('send the preface of HTTP/2 in pieces, or something like it', async () => {
    const { listener } = await start();
    const client = new RawClient(listener).send('P');
    await new Promise((resolve) => setTimeout(resolve, 20));
    client.send(...post('/prpc/GetKey?json', '{}').map((part, index) => (index === 0 ? String(part).slice(1) : part)));
    expect((await client.answers(1))[0]?.status).toBe(200);
    client.socket.destroy();
  });

  it('name odd authorities over HTTP/2', async () => {
    const { listener } = await start();
    const client = session(listener);
    for (const authority of ['[', '', 'a b']) {
      const grpc = { ':method': 'POST', ':path': GET_KEY_PATH, ':authority': authority, 'content-type': 'application/grpc' };
      const answer = await ask(client, grpc, Buffer.alloc(5));
      // nghttp2 resets the worst of them itself.
      expect([400, undefined]).toContain(answer.headers[':status']);
    }
    expect((await ask(session(listener), JSON_POST, '{}')).headers[':status']).toBe(200);
  });

  it('use HEAD over HTTP/2', async () => {
    const { listener } = await start();
    const answer = await ask(session(listener), { ':method': 'HEAD', ':path': '/health' }, null);
    expect([answer.headers[':status'], answer.headers['content-length'], answer.body]).toEqual([200, '2', '']);
  });
});
