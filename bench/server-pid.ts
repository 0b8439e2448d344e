import { once } from 'node:events';
import { connect } from 'node:net';
import { loadNative } from '../src/native/loader.js';

/** The process that serves a unix socket, from the kernel (SO_PEERCRED). @throws Error when nobody answers there */
export async function serverPid(socketPath: string): Promise<number> {
  const socket = connect(socketPath);
  await once(socket, 'connect');
  const handle = Reflect.get(socket, '_handle') as { readonly fd?: number } | null | undefined;
  const { pid } = loadNative().peerCredentials({ fd: handle?.fd ?? -1 });
  socket.destroy();
  return pid;
}
