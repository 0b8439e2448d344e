import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { loadNative } from '../src/native/loader.js';

/** The process that serves a unix socket, from the kernel (SO_PEERCRED). @throws Error when nobody answers there */
export async function serverPid(socketPath: string): Promise<number> {
  const socket: Socket & { _handle?: { fd: number } } = connect(socketPath);
  await once(socket, 'connect');
  const { pid } = loadNative().peerCredentials({ fd: socket._handle?.fd ?? -1 });
  socket.destroy();
  return pid;
}
