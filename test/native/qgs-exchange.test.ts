import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { loadNative } from '../../src/native/loader.js';
import { scratch } from './addon.js';
import { withShim } from './with-shim.js';

const callWith = withShim();
const options = { cid: 2, port: 4050, message: { hex: '0102030405' }, deadlineMs: 3000 };

/** A host that behaves as told once it has the whole request frame of 9 bytes; what it received comes back. */
async function host(answer: (socket: Socket) => void): Promise<{ readonly env: Readonly<Record<string, string>>; readonly received: Promise<string> }> {
  const folder = await scratch();
  const path = join(folder, 'host');
  const server = createServer();
  const received = once(server, 'connection').then(async ([accepted]) => {
    const socket = accepted as Socket;
    socket.on('error', () => {});
    onTestFinished(() => void socket.destroy());
    let bytes = Buffer.alloc(0);
    while (bytes.length < 9) bytes = Buffer.concat([bytes, (await once(socket, 'data'))[0] as Buffer]);
    answer(socket);
    return bytes.toString('hex');
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => void server.close());
  return { env: { SHIM_VSOCK: path, SHIM_RECORD: join(folder, 'record') }, received };
}

const frame = (hex: string, length = hex.length / 2): Buffer => Buffer.from(length.toString(16).padStart(8, '0') + hex, 'hex');

describe('qgsExchange', () => {
  test('sends one frame to the address and returns the one that comes back', async () => {
    const { env, received } = await host((socket) => socket.write(frame('a1a2a3')));
    expect(await callWith(env, 'qgsExchange', options)).toMatchObject({ value: 'a1a2a3' });
    expect(await received).toBe('000000050102030405');
    expect((await readFile(env['SHIM_RECORD'] ?? '')).toString('hex')).toBe('02000000d20f0000');
  });

  test('puts an answer that comes in pieces together', async () => {
    const { env } = await host((socket) => {
      for (const [i, byte] of frame('a1a2a3').entries()) setTimeout(() => socket.write(Uint8Array.of(byte)), 5 * i);
    });
    expect(await callWith(env, 'qgsExchange', options)).toMatchObject({ value: 'a1a2a3' });
  });

  test('takes the largest answer and no larger', async () => {
    const largest = await host((socket) => socket.write(frame('5a'.repeat(16_384))));
    expect((await callWith(largest.env, 'qgsExchange', options))['value']).toHaveLength(2 * 16_384);
    for (const length of [0, 16_385, 0xffff_ffff]) {
      const { env } = await host((socket) => socket.write(frame('', length)));
      expect(await callWith(env, 'qgsExchange', options)).toMatchObject({ code: 'DEVICE_FAILED', errno: null });
    }
  });

  test('a host that closes early fails', async () => {
    const { env } = await host((socket) => socket.end(frame('a1a2', 3)));
    expect(await callWith(env, 'qgsExchange', options)).toMatchObject({ code: 'DEVICE_FAILED', errno: null });
  });

  test('a silent host, and one that drips, are ended by the deadline', async () => {
    const silent = await host(() => {});
    const dripping = await host((socket) => {
      socket.write(frame('', 16_384));
      const timer = setInterval(() => socket.write('x'), 20);
      socket.once('close', () => clearInterval(timer));
    });
    for (const { env } of [silent, dripping]) {
      const outcome = await callWith(env, 'qgsExchange', { ...options, deadlineMs: 150 });
      expect(outcome).toMatchObject({ code: 'DEVICE_TIMEOUT', errno: null });
      expect(outcome.ms).toBeLessThan(2000);
    }
  });

  test('nobody at the address fails', async () => {
    const env = { SHIM_VSOCK: join(await scratch(), 'nobody') };
    expect(await callWith(env, 'qgsExchange', options)).toMatchObject({ code: 'DEVICE_ABSENT', errno: 2 });
  });

  test('without a vsock peer the real kernel ends in an error or at the deadline', async () => {
    const pending = loadNative().qgsExchange({ cid: 1, port: 4050, message: Uint8Array.of(1), deadlineMs: 200 });
    const code = await pending.catch((error: unknown) => (error as { readonly code: string }).code);
    expect(['DEVICE_ABSENT', 'DEVICE_FAILED', 'DEVICE_TIMEOUT']).toContain(code);
  });
});
