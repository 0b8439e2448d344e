import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { Peer } from '../../caller/caller.js';
import { Acceptor, startListening, stopServer } from './acceptor.js';
import type { ListenAddress, Listener, ListenOptions } from './listener.js';

/** Where a TCP listener binds. */
export interface TcpPlace {
  /** IP address, `0.0.0.0` or `::` for all. */
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
}

/**
 * HTTP/1.1 and cleartext HTTP/2 (prior knowledge) on one TCP port.
 * Rejects with the system's error when the address cannot be had.
 */
export async function listenTcp(place: TcpPlace, options: ListenOptions): Promise<Listener> {
  const acceptor = new Acceptor(options);
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (socket) => {
    const peer = tcpPeer(socket);
    if (peer === null) socket.destroy();
    else acceptor.acceptCleartext(socket, { peer, tlsSocket: null, certificate: null });
  });
  server.maxConnections = acceptor.limits.maxConnections;
  await startListening(server, place);
  return { address: tcpAddress(server, place), stop: (graceMs) => stopServer(server, acceptor, graceMs) };
}

/** The other end; null when it has left already. IPv4 clients of a dual-stack socket are shown as IPv4. */
export function tcpPeer(socket: Socket): Peer | null {
  const { remoteAddress, remotePort } = socket;
  if (remoteAddress === undefined || remotePort === undefined) return null;
  return { kind: 'tcp', address: remoteAddress.replace(/^::ffff:(?=\d+\.)/, ''), port: remotePort };
}

/** The address as bound, with the port the system chose. */
export function tcpAddress(server: Server, place: TcpPlace): ListenAddress {
  const bound = server.address();
  return bound !== null && typeof bound === 'object'
    ? { kind: 'tcp', host: bound.address, port: bound.port }
    : { kind: 'tcp', host: place.host, port: place.port };
}
