import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Caller, Peer } from '../caller/caller.js';
import type { TlsSession } from '../caller/tls-session.js';

export type HttpRequest = IncomingMessage | Http2ServerRequest;
export type HttpResponse = ServerResponse | Http2ServerResponse;

/** One accepted connection, as request handlers see it. */
export interface Connection {
  readonly peer: Peer;
  /** The TLS connection itself; null in cleartext. */
  readonly session: TlsSession | null;
  /** True once the listener is stopping: answers from now on close the connection. */
  readonly draining?: boolean;
  /** Who is calling; settled once per connection, or once more when it has aged, and synchronous from then on. Never rejects: failed evidence is part of the Caller. */
  caller(): Caller | Promise<Caller>;
}

/** Answers one request. Must not throw; whatever goes wrong becomes a response. */
export type RequestHandler = (request: HttpRequest, response: HttpResponse, connection: Connection) => void;
