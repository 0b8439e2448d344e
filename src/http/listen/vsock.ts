import type { Socket } from 'node:net';
import { Acceptor } from './acceptor.js';
import type { Listener, ListenOptions } from './listener.js';

/** Where a vsock listener binds: vsock(7). */
export interface VsockPlace {
  /** A context identifier this machine has, 0xffffffff for all. */
  readonly cid: number;
  /** 0 for any free port. */
  readonly port: number;
}

/** Listens on a vsock address and hands over what connects, paused: `listenOnVsock` of src/native. */
export type OpenVsock = (
  request: VsockPlace & { readonly backlog: number; readonly maxConnections: number },
  accepted: (socket: Socket, peer: { readonly cid: number; readonly port: number }) => void,
) => {
  readonly cid: number;
  readonly port: number;
  /** Frees the address at once; resolves when the last connection is gone. */
  close(): Promise<void>;
};

export interface VsockListenOptions extends ListenOptions {
  readonly openVsock: OpenVsock;
}

/** What the kernel takes for "any free port"; 0 is a port like any other to it. */
const ANY_PORT = 0xffff_ffff;

/** Connections that may wait to be accepted, as many as Node's own servers let wait. */
const BACKLOG = 511;

/**
 * HTTP/1.1 and cleartext HTTP/2 (prior knowledge) on a vsock port. Stopping may take two seconds more than asked for, in which
 * answers leave that were written already.
 * Rejects with ListenError, or NativeModuleError without the addon.
 */
export async function listenVsock(place: VsockPlace, options: VsockListenOptions): Promise<Listener> {
  const acceptor = new Acceptor(options);
  const { maxConnections } = acceptor.limits;
  const server = options.openVsock({ cid: place.cid, port: place.port === 0 ? ANY_PORT : place.port, backlog: BACKLOG, maxConnections }, (socket, { cid, port }) => {
    acceptor.acceptCleartext(socket, { peer: { kind: 'vsock', cid, port }, tlsSocket: null, certificate: null });
  });
  return {
    address: { kind: 'vsock', cid: server.cid, port: server.port },
    stop: async (graceMs) => {
      const closed = server.close();
      await acceptor.drain(graceMs);
      await closed;
    },
  };
}
