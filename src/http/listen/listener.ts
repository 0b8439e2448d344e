import type { TLSSocket } from 'node:tls';
import type { Caller, Peer } from '../../caller/caller.js';
import type { RequestHandler } from '../connection.js';

export type ListenAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'vsock'; readonly cid: number; readonly port: number };

/** A socket that is being listened on. */
export interface Listener {
  readonly address: ListenAddress;
  /**
   * Takes no new connections, lets requests in flight finish (HTTP/1.1 answers close the connection, HTTP/2
   * clients get GOAWAY) and destroys what is left after `graceMs` milliseconds. Resolves when every
   * connection is closed and the address is free again. Calling it again waits for the same end, or hastens it.
   */
  stop(graceMs: number): Promise<void>;
}

/** What a connection says about who is on the other end. */
export interface PeerInfo {
  readonly peer: Peer;
  /** null on cleartext listeners. */
  readonly tlsSocket: TLSSocket | null;
  /** The client's certificate, DER, already checked against the CA list of the listener; null without one. */
  readonly certificate: Uint8Array | null;
}

/** Makes the Caller of a connection. Called when its first request asks, and again once `isCurrent` says so. */
export type Identify = (info: PeerInfo) => Caller | Promise<Caller>;

/** Process, user and group of the other end of a unix socket, by file descriptor; null when the system does not say. */
export type PeerCredentials = (fd: number) => { readonly pid: number; readonly uid: number; readonly gid: number } | null;

export interface ListenLimits {
  /** Connections at any one time; further ones are closed at once. */
  readonly maxConnections: number;
  /** Milliseconds until the header of a request (and the first byte of a connection) has to be there. */
  readonly headersTimeout: number;
  /** Milliseconds until an HTTP/1.1 request has to be there in whole. */
  readonly requestTimeout: number;
  /** Milliseconds an idle HTTP/1.1 connection is kept; pooling clients count on 10 s (spec/sdk-contract.md section 16). */
  readonly keepAliveTimeout: number;
  /** Milliseconds an HTTP/2 connection may be silent. */
  readonly sessionTimeout: number;
  /** Bytes of request line and headers: no documented call comes near it, and every connection may hold as much. */
  readonly maxHeaderSize: number;
  /** Streams one HTTP/2 connection may have open. */
  readonly maxConcurrentStreams: number;
  /** Megabytes one HTTP/2 connection may hold in buffers. */
  readonly maxSessionMemory: number;
  /** Milliseconds a TLS handshake may take. */
  readonly handshakeTimeout: number;
}

export const DEFAULT_LISTEN_LIMITS: ListenLimits = {
  maxConnections: 4096,
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  keepAliveTimeout: 15_000,
  sessionTimeout: 60_000,
  maxHeaderSize: 16 * 1024,
  maxConcurrentStreams: 100,
  maxSessionMemory: 16,
  handshakeTimeout: 10_000,
};

export interface ListenOptions {
  readonly handler: RequestHandler;
  /** Default: callers that proved nothing. */
  readonly identify?: Identify;
  /** Whether a caller made earlier may be used for one more request; must not throw (default: for as long as the connection lasts). */
  readonly isCurrent?: (caller: Caller) => boolean;
  readonly limits?: Partial<ListenLimits>;
}
