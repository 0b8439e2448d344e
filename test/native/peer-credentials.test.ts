import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { EvidenceSourceError } from '../../src/errors/evidence-source-error.js';
import { loadNative } from '../../src/native/loader.js';
import { scratch } from './addon.js';

const native = loadNative();

/** The descriptor under a socket, which Node keeps for itself. */
function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { readonly _handle: { readonly fd: number } };
  return handle.fd;
}

async function listen(where: string | null): Promise<{ readonly accepted: Promise<Socket>; readonly port: number }> {
  const server = createServer();
  const accepted = once(server, 'connection').then(([socket]) => socket as Socket);
  onTestFinished(async () => {
    (await accepted).destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  await new Promise<void>((resolve) => (where === null ? server.listen(0, '127.0.0.1', resolve) : server.listen(where, resolve)));
  return { accepted, port: where === null ? (server.address() as AddressInfo).port : 0 };
}

function failureOf(fd: number): unknown {
  try {
    return native.peerCredentials({ fd });
  } catch (error) {
    return error;
  }
}

describe('peerCredentials', () => {
  test('are this process’s own at both ends of its own connection', async () => {
    const path = join(await scratch(), 'socket');
    const { accepted } = await listen(path);
    const client = connect(path);
    await once(client, 'connect');
    const own = { pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() };
    expect(native.peerCredentials({ fd: descriptorOf(await accepted) })).toEqual(own);
    expect(native.peerCredentials({ fd: descriptorOf(client) })).toEqual(own);
    client.destroy();
  });

  test('are another process’s when that connected', async () => {
    const path = join(await scratch(), 'socket');
    const { accepted } = await listen(path);
    const child = spawn(process.execPath, ['-e', `require('node:net').connect(${JSON.stringify(path)})`], { stdio: 'inherit' });
    const closed = once(child, 'close');
    const socket = await accepted;
    expect(native.peerCredentials({ fd: descriptorOf(socket) }).pid).toBe(child.pid);
    socket.destroy();
    await closed;
  });

  test('a TCP socket has none', async () => {
    const { accepted, port } = await listen(null);
    const client = connect(port, '127.0.0.1');
    await once(client, 'connect');
    expect(failureOf(descriptorOf(await accepted))).toMatchObject({ code: 'DEVICE_FAILED', cause: { errno: 97 } });
    client.destroy();
  });

  test('a closed descriptor has none', () => {
    expect(failureOf(1_000_000)).toMatchObject({ code: 'DEVICE_FAILED', cause: { errno: 9 } });
  });

  test('a file has none', () => {
    const fd = openSync('/dev/null', 'r');
    const failure = failureOf(fd);
    closeSync(fd);
    expect(failure).toBeInstanceOf(EvidenceSourceError);
    expect(failure).toMatchObject({ code: 'DEVICE_FAILED', cause: { errno: 88 } });
  });
});
