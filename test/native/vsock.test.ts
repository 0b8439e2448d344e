import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { defaultAddonPath } from '../../src/native/addon-path.js';
import { loadNative } from '../../src/native/loader.js';
import { connectVsock, listenOnVsock } from '../../src/native/vsock.js';
import { scratch } from './addon.js';
import { closed, everything, type VsockChild, vsockChild } from './vsock-child.js';
import { buildShim } from './with-shim.js';

// The addon as it is, in a process whose vsock system calls end at unix sockets; clients are connections from here.

const shim = buildShim();
const MIB = 1 << 20;
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const descriptors = async (child: VsockChild): Promise<unknown> => (await child.tell('descriptors'))['descriptors'];

/** As much through the child as it takes for its bridging thread to have had its turns. */
async function turns(child: VsockChild): Promise<void> {
  const socket = child.dial('e');
  for (let i = 0; i < 100; i++) {
    socket.write('turn');
    await once(socket, 'data');
  }
  socket.destroy();
}

describe('a bridged connection', () => {
  test('carries megabytes both ways at once, byte for byte', async () => {
    const child = await vsockChild(shim());
    const sent = randomBytes(8 * MIB);
    const socket = child.dial('e');
    const received = everything(socket);
    socket.end(sent);
    expect(sha256(await received)).toBe(sha256(sent));
    await closed(socket);
  });

  test('says who is on the other end', async () => {
    const child = await vsockChild(shim());
    for (const port of [5000, 5001]) expect((await everything(child.dial('p'))).toString()).toBe(`3:${port}`);
  });

  test('may be ended by the client first, and then by the server', async () => {
    const child = await vsockChild(shim());
    const socket = child.dial('h');
    const sent = randomBytes(MIB);
    socket.end(sent);
    expect((await everything(socket)).toString()).toBe(sha256(sent));
    await closed(socket);
  });

  test('may be ended by the server first, and then by the client', async () => {
    const child = await vsockChild(shim());
    const before = await descriptors(child);
    const socket = child.dial('s\x03');
    expect((await everything(socket)).equals(Buffer.alloc(3 * MIB, 0x5a))).toBe(true);
    expect(socket.destroyed).toBe(false);
    expect(await new Promise((resolve) => socket.write('more', resolve))).toBeFalsy();
    socket.end();
    await closed(socket);
    await expect.poll(() => descriptors(child)).toBe(before);
  });

  test('holds the writer back while nobody reads, and loses nothing', async () => {
    const child = await vsockChild(shim());
    const socket = child.dial('w');
    const sent = randomBytes(16 * MIB);
    let taken = 0;
    const write = (): void => {
      if (taken === sent.length) socket.end();
      else socket.write(sent.subarray(taken, taken + 65_536), (error) => (error ? undefined : ((taken += 65_536), write())));
    };
    write();
    const answer = everything(socket);
    await turns(child);
    const held = taken;
    expect(held).toBeGreaterThan(0);
    expect(held).toBeLessThan(2 * MIB);
    await turns(child);
    expect(taken).toBe(held);
    await child.tell('release');
    expect((await answer).toString()).toBe(sha256(sent));
  });

  test('holds the server back while the client does not read', async () => {
    const child = await vsockChild(shim());
    const socket = child.dial('s\x10').pause();
    await turns(child);
    expect(await everything(socket)).toHaveLength(16 * MIB);
  });

  test('that the client drops ends at the server', async () => {
    const child = await vsockChild(shim());
    const socket = child.dial('k');
    await once(socket, 'connect');
    await turns(child);
    socket.destroy();
    await expect.poll(() => child.events.length).toBe(3);
    expect(child.events[0]).toBe('end');
    expect(['EPIPE', 'ECONNRESET']).toContain(child.events[1]);
    expect(child.events[2]).toBe('close');
  });

  test('that the client drops fails a server that writes and does not read', async () => {
    const child = await vsockChild(shim());
    const socket = child.dial('b').pause();
    socket.write(Buffer.alloc(4 * MIB));
    await turns(child);
    socket.destroy();
    await expect.poll(() => child.events.length).toBe(2);
    expect(['EPIPE', 'ECONNRESET']).toContain(child.events[0]);
    expect(child.events[1]).toBe('close');
  });

  test('that the server drops ends at the client, whose writing fails', async () => {
    const child = await vsockChild(shim());
    const socket = child.dial('d');
    socket.removeAllListeners('error');
    const failed = once(socket, 'error');
    const write = (): void => void (socket.destroyed || socket.write('x', () => setImmediate(write)));
    write();
    expect(['EPIPE', 'ECONNRESET']).toContain(((await failed)[0] as NodeJS.ErrnoException).code);
  });

  test('that the server drops is given up, though the client reads nothing', async () => {
    const child = await vsockChild(shim());
    const before = await descriptors(child);
    const socket = child.dial('b').pause();
    await turns(child);
    await child.tell('destroy');
    await expect.poll(() => descriptors(child), { timeout: 10_000 }).toBe(before);
    expect(socket.closed).toBe(false);
  });

  test('that is dropped in full flow by either side leaves nothing behind', async () => {
    const child = await vsockChild(shim());
    const before = await descriptors(child);
    for (let i = 0; i < 10; i++) {
      const source = child.dial('s\x08');
      await once(source, 'data');
      source.destroy();
      const sink = child.dial('d');
      sink.write(Buffer.alloc(MIB));
      await closed(sink);
    }
    await expect.poll(() => descriptors(child), { timeout: 10_000 }).toBe(before);
  });
});

describe('many connections', () => {
  test('200 at a time are told apart, and their descriptors come back', async () => {
    const child = await vsockChild(shim());
    const before = await descriptors(child);
    const sockets = Array.from({ length: 200 }, () => child.dial('e'));
    await Promise.all(
      sockets.map(async (socket) => {
        const sent = randomBytes(50_000);
        const received = everything(socket);
        socket.end(sent);
        expect((await received).equals(sent)).toBe(true);
      }),
    );
    await Promise.all(sockets.map(closed));
    await expect.poll(() => descriptors(child)).toBe(before);
  });

  test('above the limit are closed at once, and there is room again afterwards', async () => {
    const child = await vsockChild(shim(), { maxConnections: 2 });
    const sockets = [child.dial('e1'), child.dial('e2')];
    for (const socket of sockets) await once(socket, 'data');
    await closed(child.dial('e3'));
    sockets[0]?.destroy();
    await expect.poll(async () => (await everything(child.dial('p'))).toString()).toMatch(/^3:/);
  });

  test('for which there are no descriptors wait until there are', async () => {
    const child = await vsockChild(shim(), { descriptors: 60 });
    const sockets = Array.from({ length: 40 }, () => child.dial('ex'));
    const answered = sockets.map(async (socket) => {
      await once(socket, 'data');
      socket.destroy();
    });
    await Promise.all(answered);
  });
});

describe('a listener that is closed', () => {
  test('frees its address at once, and lets connections in flight finish', async () => {
    const child = await vsockChild(shim());
    const socket = child.dial('e');
    socket.write('before');
    await once(socket, 'data');
    let ended = false;
    const end = child.tell('close').then(() => (ended = true));
    await child.tell('descriptors');
    expect(((await once(child.dial('e').removeAllListeners('error'), 'error'))[0] as NodeJS.ErrnoException).code).toBe('ECONNREFUSED');
    expect(ended).toBe(false);
    const received = everything(socket);
    socket.end('after');
    expect((await received).toString()).toBe('after');
    await end;
  });

  test('keeps no process alive, and an open one does', async () => {
    const child = await vsockChild(shim());
    await child.tell('descriptors');
    child.process.send({ command: 'leave' });
    await once(child.process, 'disconnect');
    expect((await everything(child.dial('p'))).toString()).toMatch(/^3:/);
    expect(child.process.exitCode).toBe(null);
    const other = await vsockChild(shim());
    await other.tell('close');
    other.process.send({ command: 'leave' });
    expect(await once(other.process, 'exit')).toEqual([0, null]);
  });
});

describe('connectVsock', () => {
  const echo = (socket: Socket): void => void socket.pipe(socket);

  /** The machine connected to; sends everything back unless told otherwise. */
  async function host(serve = echo): Promise<{ readonly env: Readonly<Record<string, string>>; readonly accepted: Promise<Socket> }> {
    const path = join(await scratch(), 'host');
    const server = createServer({ allowHalfOpen: true }, (socket) => serve(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => server.listen(path, resolve));
    onTestFinished(() => void server.close());
    return { env: { SHIM_VSOCK: path }, accepted: once(server, 'connection').then(([socket]) => socket as Socket) };
  }
  const request = { cid: 2, port: 12_000, deadlineMs: 5000 };

  test('carries both ways and both ends', async () => {
    const { env } = await host();
    const child = await vsockChild(shim(), { env });
    const text = 'host '.repeat(1 << 18);
    expect((await child.tell('connect', { request, text }))['answer']).toBe(text);
  });

  test('loses nothing when the process ends right after', async () => {
    let received = 0;
    const { env } = await host((socket) => void socket.on('data', (chunk) => (received += chunk.length)).on('end', () => socket.end()));
    const child = await vsockChild(shim(), { env });
    const text = 'last words '.repeat(1 << 16);
    child.process.send({ command: 'push', request, text });
    expect(await once(child.process, 'exit')).toEqual([0, null]);
    await expect.poll(() => received).toBe(text.length);
  });

  test('fails when nobody is there', async () => {
    const child = await vsockChild(shim(), { env: { SHIM_VSOCK: join(await scratch(), 'nobody') } });
    expect(await child.tell('connect', { request, text: '' })).toMatchObject({ failure: { code: 'DEVICE_ABSENT' } });
  });

  test('says so where the kernel has no vsock', async () => {
    const child = await vsockChild(shim(), { env: { SHIM_NO_CONNECT: '1' } });
    expect(await child.tell('connect', { request, text: '' })).toMatchObject({ failure: { code: 'DEVICE_ABSENT', message: 'vsock 2:12000: this kernel has no vsock' } });
  });

  test('that is given up closes the connection it gets', async () => {
    const { env, accepted } = await host();
    const child = await vsockChild(shim(), { env });
    expect(await child.tell('connect', { request, text: '', abort: true })).toMatchObject({ failure: { message: 'enough' } });
    await closed(await accepted);
  });

  test('ends in an error or at the deadline on the kernel as it is, where no machine answers', async () => {
    const pending = connectVsock(loadNative(), { cid: 1, port: 4050, deadlineMs: 200 });
    const code = await pending.catch((error: unknown) => (error as { readonly code: string }).code);
    expect(['DEVICE_ABSENT', 'DEVICE_FAILED', 'DEVICE_TIMEOUT']).toContain(code);
    const reason = new Error('enough');
    await expect(connectVsock(loadNative(), { cid: 1, port: 4050, deadlineMs: 200 }, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});

test('the kernel as it is listens, or says that it has no vsock', async () => {
  const listen = (port: number) => listenOnVsock(loadNative(), { cid: 0xffff_ffff, port, backlog: 5, maxConnections: 5 }, (socket) => socket.destroy());
  try {
    const server = listen(0xffff_ffff);
    expect(server.port).not.toBe(0xffff_ffff);
    expect(() => listen(server.port)).toThrow(expect.objectContaining({ name: 'ListenError', code: 'ADDRESS_IN_USE' }));
    await server.close();
    await listen(server.port).close();
  } catch (error) {
    expect(error).toMatchObject({ name: 'ListenError', code: 'NO_VSOCK' });
  }
});

test('what nobody closes is closed by the collector, and with the thread it belongs to', async () => {
  const folder = await scratch();
  const script = fileURLToPath(new URL('vsock-teardown.mjs', import.meta.url));
  const env = { ...process.env, SHIM_LISTEN: folder, LD_PRELOAD: shim() };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--expose-gc', script, defaultAddonPath(), folder], { env, timeout: 60_000 });
  expect(stderr).toBe('');
  const result = JSON.parse(stdout) as Readonly<Record<string, unknown>>;
  expect(result['byHand']).toEqual({ accepted: null, closed: null, bell: 'TypeError', closedBell: 'number', bellAgain: 'TypeError' });
  expect(result).toMatchObject({ collected: 50, afterCollection: result['before'], afterThreads: result['beforeThreads'] });
}, 60_000);
