import type { Server, Socket } from 'node:net';
import { unattested } from '../../caller/caller.js';
import type { ListenLimits, ListenOptions, PeerInfo } from './listener.js';
import { DEFAULT_LISTEN_LIMITS } from './listener.js';
import { detectProtocol } from './preface.js';
import { SocketConnection } from './socket-connection.js';
import type { DrainState, Identification } from './socket-connection.js';
import { WireServers } from './wire-servers.js';

/** Milliseconds between looks for connections that have become idle while stopping. */
const RECHECK_MS = 50;

/** Serves accepted sockets, whatever accepted them, and ends them all in good order. */
export class Acceptor {
  readonly limits: ListenLimits;
  readonly #identification: Identification;
  readonly #wire: WireServers;
  readonly #state: DrainState = { draining: false };
  readonly #sockets = new Set<Socket>();
  /** Connections that have not said anything yet. */
  readonly #silent = new Set<Socket>();
  #idle: (() => void) | null = null;

  constructor(options: ListenOptions) {
    this.limits = { ...DEFAULT_LISTEN_LIMITS, ...options.limits };
    this.#identification = { identify: options.identify ?? (({ peer }) => unattested(peer)), isCurrent: options.isCurrent ?? null };
    this.#wire = new WireServers(options.handler, this.limits);
  }

  /** Counts a socket from here on, so that stopping waits for it. */
  track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', ignore);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) this.#idle?.();
    });
  }

  /** Serves HTTP/1.1 or, with prior knowledge, HTTP/2 on a paused cleartext socket. Tracks it. */
  acceptCleartext(socket: Socket, info: PeerInfo): void {
    this.track(socket);
    if (this.#state.draining) {
      socket.destroy();
      return;
    }
    this.#silent.add(socket);
    socket.once('close', () => this.#silent.delete(socket));
    detectProtocol(socket, this.limits.headersTimeout, (protocol) => {
      this.#silent.delete(socket);
      this.serve(socket, info, protocol);
    });
  }

  /** Serves a tracked socket whose protocol is known. */
  serve(socket: Socket, info: PeerInfo, protocol: 'h1' | 'h2'): void {
    const connection = new SocketConnection(info, this.#identification, this.#state);
    if (protocol === 'h2') this.#wire.serveHttp2(socket, connection);
    else this.#wire.serveHttp1(socket, connection);
  }

  /** Resolves when every tracked socket has closed, at the latest soon after `graceMs`. */
  async drain(graceMs: number): Promise<void> {
    this.#state.draining = true;
    for (const socket of this.#silent) socket.destroy();
    this.#wire.drain();
    // Answers that were on their way already did not say that they close the connection.
    const again = setInterval(() => this.#wire.drain(), RECHECK_MS);
    const timer = setTimeout(() => this.#destroyAll(), graceMs);
    await this.#allClosed();
    clearInterval(again);
    clearTimeout(timer);
    this.#wire.close();
  }

  #destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #allClosed(): Promise<void> {
    if (this.#sockets.size === 0) return Promise.resolve();
    const before = this.#idle;
    return new Promise((resolve) => {
      this.#idle = () => {
        before?.();
        resolve();
      };
    });
  }
}

/** Stops accepting, then drains. */
export async function stopServer(server: Server, acceptor: Acceptor, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    if (server.listening) server.close(() => resolve());
    else resolve();
  });
  await acceptor.drain(graceMs);
  await closed;
}

/** Starts listening. Rejects with the system's error, e.g. EADDRINUSE. */
export function startListening(server: Server, where: { readonly path: string } | { readonly fd: number } | { readonly host: string; readonly port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      // Later errors (out of descriptors) end an accept, not the process.
      server.on('error', ignore);
      resolve();
    });
  });
}

function ignore(): void {
  // A broken connection ends in 'close', which is where it is dealt with.
}
