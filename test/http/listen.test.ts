import { spawn } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Caller } from '../../src/caller/caller.js';
import { unattested } from '../../src/caller/caller.js';
import { ListenError } from '../../src/errors/listen-error.js';
import { VerificationError } from '../../src/errors/verification-error.js';
import { CollateralError } from '../../src/errors/collateral-error.js';
import type { Identify, Listener } from '../../src/http/listen/listener.js';
import { listenTcp } from '../../src/http/listen/tcp.js';
import { listenUnix } from '../../src/http/listen/unix.js';
import type { UnixPlace } from '../../src/http/listen/unix.js';
import { createRequestHandler } from '../../src/http/request-handler.js';
import { GET_KEY_PATH, KEY, RawClient, baseUrlOf, fixture, get, handlerOf, parseAnswers, post, raw, socketPath } from './fixture.js';

const listeners: Listener[] = [];
afterEach(async () => {
  await Promise.all(listeners.splice(0).map((listener) => listener.stop(0)));
});

function keep(listener: Listener): Listener {
  listeners.push(listener);
  return listener;
}

const unix = async (place: UnixPlace): Promise<Listener> => keep(await listenUnix(place, { handler: handlerOf(), peerCredentials: null }));

async function refusal(work: Promise<Listener>): Promise<string> {
  const error = await work.then(() => null, (reason: unknown) => reason);
  if (error instanceof ListenError) return error.code;
  throw new Error('not refused', { cause: error });
}

/** Another process binds the socket and passes it on, as a service manager does; it is gone when this resolves. */
async function inheritedSocket(path: string): Promise<number> {
  const script = 'const s = require("node:net").createServer().listen(process.argv[1], () => process.send("socket", s._handle))';
  const manager = spawn(process.execPath, ['-e', script, path], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const handle = await new Promise<unknown>((resolve) => manager.once('message', (_, passed) => resolve(passed)));
  manager.kill('SIGKILL');
  await new Promise((resolve) => manager.once('exit', resolve));
  return (handle as { readonly fd: number }).fd;
}

describe('unix socket file', () => {
  it('has the mode asked for, everybody by default, and leaves nothing else behind', async () => {
    const path = socketPath();
    const listener = await unix({ path });
    expect(statSync(path).mode & 0o777).toBe(0o777);
    expect(readdirSync(dirname(path))).toEqual(['agent.sock']);
    await listener.stop(0);
    expect(readdirSync(dirname(path))).toEqual([]);
    await unix({ path, mode: 0o660 });
    expect(statSync(path).mode & 0o777).toBe(0o660);
  });

  it('takes the place of a stale one', async () => {
    const path = socketPath();
    const dead = createServer().listen(`${path}.old`);
    await new Promise((resolve) => dead.once('listening', resolve));
    renameSync(`${path}.old`, path);
    await new Promise((resolve) => dead.close(resolve));
    expect(lstatSync(path).isSocket()).toBe(true);
    expect((await raw(await unix({ path }), get('/health'))).status).toBe(200);
  });

  it('does not take the place of a live one', async () => {
    const path = socketPath();
    const first = await unix({ path });
    expect(await refusal(unix({ path }))).toBe('ADDRESS_IN_USE');
    expect((await raw(first, get('/health'))).status).toBe(200);
    expect(readdirSync(dirname(path))).toEqual(['agent.sock']);
  });

  it('does not take the place of other files', async () => {
    const path = socketPath();
    writeFileSync(path, 'mine');
    expect(await refusal(unix({ path }))).toBe('NOT_A_SOCKET');
    rmSync(path);
    mkdirSync(path);
    expect(await refusal(unix({ path }))).toBe('NOT_A_SOCKET');
  });

  it('needs a folder, and a path the system can bind', async () => {
    expect(await refusal(unix({ path: join(dirname(socketPath()), 'absent', 'a.sock') }))).toBe('FOLDER_MISSING');
    const deep = join(dirname(socketPath()), 'd'.repeat(100));
    mkdirSync(deep);
    expect(await refusal(unix({ path: join(deep, 'a') }))).toBe('PATH_TOO_LONG');
    expect(readdirSync(deep)).toEqual([]);
  });

  it('is left alone at the end if it is no longer the same', async () => {
    const path = socketPath();
    const first = await unix({ path });
    rmSync(path);
    await unix({ path });
    await first.stop(0);
    expect(existsSync(path)).toBe(true);
  });

  it('of a service manager is served as it is, and left in place', async () => {
    const path = socketPath();
    const listener = await unix({ path, inheritedFd: await inheritedSocket(path) });
    expect((await raw(listener, get('/health'))).body).toBe('OK');
    await listener.stop(0);
    expect(lstatSync(path).isSocket()).toBe(true);
  });

  it('tells who is on the other end', async () => {
    const { options, audit } = fixture();
    const peerCredentials = (fd: number) => (fd > 2 ? { pid: 11, uid: 12, gid: 13 } : null);
    const listener = keep(await listenUnix({ path: socketPath() }, { handler: createRequestHandler(options), peerCredentials }));
    await raw(listener, get('/health'));
    expect(audit[0]?.peer).toMatch(/agent\.sock pid=11 uid=12$/);
  });

  it('works without credentials', async () => {
    const peerCredentials = () => {
      throw new Error('no such call');
    };
    const listener = keep(await listenUnix({ path: socketPath() }, { handler: handlerOf(), peerCredentials }));
    expect((await raw(listener, get('/health'))).status).toBe(200);
  });
});

describe('stop', () => {
  /** A listener whose handler waits until told, and what tells it. */
  async function waiting(): Promise<{ listener: Listener; release: () => void; started: () => Promise<void> }> {
    let release: () => void = () => undefined;
    let begun = false;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const handler = handlerOf({}, async () => {
      begun = true;
      await gate;
      return KEY;
    });
    const listener = keep(await listenTcp({ host: '127.0.0.1', port: 0 }, { handler }));
    return { listener, release, started: () => expect.poll(() => begun).toBe(true) };
  }

  it('lets an HTTP/1.1 request finish, closes idle connections, takes no new ones', async () => {
    const { listener, release, started } = await waiting();
    const idle = new RawClient(listener).send(get('/health'));
    await idle.answers(1);
    const silent = new RawClient(listener);
    const busy = new RawClient(listener).send(...post('/prpc/GetKey?json', '{}'));
    await started();
    const stopped = listener.stop(5000);
    await idle.untilClosed();
    await silent.untilClosed();
    expect(await new RawClient(listener).untilClosed()).toBe('');
    release();
    const [answer] = parseAnswers(await busy.untilClosed());
    expect(answer).toMatchObject({ status: 200, headers: { connection: 'close' } });
    await stopped;
  });

  it.each([
    ['Connect', 'application/json', 200],
    ['the fallback', 'application/json; charset=utf8', 200],
  ])('lets a request through %s finish', async (_, type, status) => {
    const { listener, release, started } = await waiting();
    const busy = new RawClient(listener).send(...post(GET_KEY_PATH, '{}', `Content-Type: ${type}`));
    await started();
    const stopped = listener.stop(60_000);
    release();
    expect(parseAnswers(await busy.untilClosed())[0]).toMatchObject({ status, headers: { connection: 'close' } });
    await stopped;
  });

  it('lets an HTTP/2 request finish and says goodbye', async () => {
    const { listener, release, started } = await waiting();
    const client = connectHttp2(baseUrlOf(listener));
    const goaway = new Promise((resolve) => client.once('goaway', resolve));
    const stream = client.request({ ':method': 'POST', ':path': '/prpc/GetKey?json' });
    const status = new Promise((resolve) => stream.once('response', (headers) => resolve(headers[':status'])));
    stream.resume().end('{}');
    await started();
    const stopped = listener.stop(5000);
    expect(await goaway).toBe(0);
    release();
    expect(await status).toBe(200);
    await stopped;
  });

  it('destroys what does not finish in time', async () => {
    const { listener, started } = await waiting();
    const busy = new RawClient(listener).send(...post('/prpc/GetKey?json', '{}'));
    await started();
    await listener.stop(50);
    expect(await busy.untilClosed()).toBe('');
  });

  it('frees the port, may be asked for twice and hastened', async () => {
    const { listener, started } = await waiting();
    const busy = new RawClient(listener).send(...post('/prpc/GetKey?json', '{}'));
    await started();
    const slowly = listener.stop(60_000);
    await listener.stop(0);
    await slowly;
    await busy.untilClosed();
    if (listener.address.kind !== 'tcp') throw new Error('not tcp');
    keep(await listenTcp(listener.address, { handler: handlerOf() }));
  });
});

describe('caller', () => {
  async function withIdentify(identify: Identify) {
    const { options, audit } = fixture();
    const listener = keep(await listenTcp({ host: '127.0.0.1', port: 0 }, { handler: createRequestHandler(options), identify }));
    return { listener, audit };
  }

  it('is found out once per connection', async () => {
    const seen: string[] = [];
    const { listener } = await withIdentify(({ peer, tlsSocket, certificate }) => {
      seen.push(peer.kind);
      expect([tlsSocket, certificate]).toEqual([null, null]);
      return Promise.resolve(unattested(peer));
    });
    const client = new RawClient(listener).send(get('/health'), get('/prpc/GetKey?name=a'), get('/prpc/GetKey?name=later'));
    await client.answers(3);
    expect(seen).toEqual(['tcp']);
    await raw(listener, get('/health'));
    expect(seen).toEqual(['tcp', 'tcp']);
    client.socket.destroy();
  });

  it('with evidence that did not verify is refused everything, over every door', async () => {
    const error = new VerificationError('SIGNATURE_INVALID' as never, 'report data mismatch');
    const { listener, audit } = await withIdentify(({ peer }): Caller => ({ peer, evidence: { status: 'refused', error } }));
    const json = await raw(listener, ...post('/prpc/GetTempCaCert?json', ''));
    expect(JSON.parse(json.body)).toEqual({ error: 'invalid quote: report data mismatch', code: 'UNAUTHORIZED' });
    const binary = await raw(listener, ...post('/prpc/GetTempCaCert', '', 'Content-Type: application/json'));
    expect(binary.headers['content-type']).toBe('application/octet-stream');
    const connect = await raw(listener, ...post(GET_KEY_PATH, '{}', 'Content-Type: application/json'));
    expect([connect.status, JSON.parse(connect.body)]).toMatchObject([401, { code: 'unauthenticated', message: 'invalid quote: report data mismatch' }]);
    expect((await raw(listener, ...post(GET_KEY_PATH, '{}', 'Content-Type: application/json; charset=utf8'))).status).toBe(401);
    expect(audit.map(({ code }) => code)).toEqual(['UNAUTHORIZED', 'UNAUTHORIZED', 'UNAUTHORIZED', 'UNAUTHORIZED']);
  });

  it.each([
    ['throws', (): Caller => { throw new Error('10.0.0.1'); }],
    ['rejects', () => Promise.reject(new CollateralError('COLLATERAL_UNAVAILABLE', 'http://10.0.0.1'))],
  ])('is refused, not taken for anonymous, when finding out %s', async (_, identify) => {
    const { listener } = await withIdentify(identify);
    const answer = await raw(listener, ...post('/prpc/GetTempCaCert?json', ''));
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'INTERNAL_ERROR' });
    expect(answer.body).not.toContain('10.0.0.1');
  });
});
