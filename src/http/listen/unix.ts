import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import type { Peer } from '../../caller/caller.js';
import { Acceptor, startListening, stopServer } from './acceptor.js';
import type { Listener, ListenOptions, PeerCredentials } from './listener.js';
import { placeSocketFile } from './unix-socket-file.js';
import type { SocketFile } from './unix-socket-file.js';

export interface UnixPlace {
  /** Absolute path of the socket; its folder must exist. */
  readonly path: string;
  /** Permission bits (default 0o777, as the existing services: whoever can reach the folder may connect). */
  readonly mode?: number;
  /** Descriptor of a socket that a service manager is listening on already; the file is then left as it is. */
  readonly inheritedFd?: number;
}

export interface UnixListenOptions extends ListenOptions {
  /** Asks the system who is on the other end; null where that is not to be had. */
  readonly peerCredentials: PeerCredentials | null;
}

/**
 * HTTP/1.1 and cleartext HTTP/2 (prior knowledge) on a unix socket. A stale socket file is replaced, and the
 * file is removed when the listener stops, if it is still the same.
 *
 * Rejects with ListenError (see `placeSocketFile`) or the system's error.
 */
export async function listenUnix(place: UnixPlace, options: UnixListenOptions): Promise<Listener> {
  const acceptor = new Acceptor(options);
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    const peer = unixPeer(place.path, socket, options.peerCredentials);
    acceptor.acceptCleartext(socket, { peer, tlsSocket: null, certificate: null });
  });
  server.maxConnections = acceptor.limits.maxConnections;
  let file: SocketFile | null = null;
  if (place.inheritedFd !== undefined) await startListening(server, { fd: place.inheritedFd });
  else {
    try {
      file = await placeSocketFile(place.path, place.mode ?? 0o777, (path) => startListening(server, { path }));
    } catch (error) {
      server.close();
      throw error;
    }
  }
  return {
    address: { kind: 'unix', path: place.path },
    stop: async (graceMs) => {
      await file?.remove();
      await stopServer(server, acceptor, graceMs);
    },
  };
}

function unixPeer(path: string, socket: Socket, peerCredentials: PeerCredentials | null): Peer {
  const found = peerCredentials === null ? null : credentialsOf(socket, peerCredentials);
  return { kind: 'unix', path, pid: found?.pid ?? null, uid: found?.uid ?? null, gid: found?.gid ?? null };
}

/** Credentials are recorded, never decided on: not having them is no reason to refuse a connection. */
function credentialsOf(socket: Socket, peerCredentials: PeerCredentials): ReturnType<PeerCredentials> {
  // Node keeps the descriptor of a socket where only its own code is meant to look; there is no other way to it.
  const handle = Reflect.get(socket, '_handle') as { readonly fd?: number } | null | undefined;
  if (handle?.fd === undefined || handle.fd < 0) return null;
  try {
    return peerCredentials(handle.fd);
  } catch {
    return null;
  }
}
