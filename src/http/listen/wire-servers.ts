import { createServer as createHttp1Server } from 'node:http';
import type { Server as Http1Server } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import type { Http2Server, ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Connection, RequestHandler } from '../connection.js';
import type { ListenLimits } from './listener.js';

/**
 * The HTTP/1.1 and HTTP/2 halves of a listener. Neither listens: accepted sockets are given to them, which
 * lets one port speak both and makes every transport go through the same limits.
 */
export class WireServers {
  readonly #handler: RequestHandler;
  readonly #limits: ListenLimits;
  readonly #http1: Http1Server;
  readonly #http2: Http2Server;
  /** By socket for HTTP/1.1, by session for HTTP/2. */
  readonly #connections = new WeakMap<object, Connection>();
  readonly #sessions = new Set<ServerHttp2Session>();

  constructor(handler: RequestHandler, limits: ListenLimits) {
    this.#handler = handler;
    this.#limits = limits;
    this.#http1 = this.#createHttp1();
    this.#http2 = this.#createHttp2();
  }

  #createHttp1(): Http1Server {
    const { headersTimeout, requestTimeout, keepAliveTimeout, maxHeaderSize } = this.#limits;
    const server = createHttp1Server({
      headersTimeout,
      requestTimeout,
      keepAliveTimeout,
      maxHeaderSize,
      // The published Rust client for Tappd sends no Host (spec/sdk-contract.md section 2).
      requireHostHeader: false,
      connectionsCheckingInterval: Math.max(20, Math.min(1000, headersTimeout / 4)),
    });
    // The published JavaScript client half-closes once it has sent its request, and still reads the answer.
    (server as Http1Server & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true;
    server.on('request', (request, response) => {
      const connection = this.#connections.get(request.socket);
      if (connection === undefined) request.socket.destroy();
      else this.#handler(request, response, connection);
    });
    // Node starts to enforce the timeouts when a server begins to listen; this one is told so.
    server.emit('listening');
    return server;
  }

  #createHttp2(): Http2Server {
    const { maxConcurrentStreams, maxHeaderSize, maxSessionMemory } = this.#limits;
    const server = createHttp2Server({
      settings: { maxConcurrentStreams, maxHeaderListSize: maxHeaderSize },
      maxSessionMemory,
      maxHeaderListPairs: 128,
      maxSettings: 32,
    });
    server.on('request', (request, response) => {
      const { session } = request.stream;
      const connection = session === undefined ? undefined : this.#connections.get(session);
      if (connection === undefined) request.stream.close();
      else this.#handler(request, response, connection);
    });
    return server;
  }

  /** Serves HTTP/1.1 on a socket, which may be paused. */
  serveHttp1(socket: Socket, connection: Connection): void {
    this.#connections.set(socket, connection);
    this.#http1.emit('connection', socket);
    socket.resume();
  }

  /** Serves HTTP/2 on a socket, which may be paused. */
  serveHttp2(socket: Socket, connection: Connection): void {
    this.#http2.once('session', (session) => {
      this.#connections.set(session, connection);
      this.#sessions.add(session);
      session.once('close', () => this.#sessions.delete(session));
      session.setTimeout(this.#limits.sessionTimeout, () => this.#endIdle(session));
    });
    // Makes the session, and with it the event above, before it returns.
    this.#http2.emit('connection', socket);
  }

  /** A client that went silent gets as long again to finish what it has open. */
  #endIdle(session: ServerHttp2Session): void {
    if (session.closed) session.destroy();
    else session.close();
    session.setTimeout(this.#limits.sessionTimeout, () => session.destroy());
  }

  /** Closes idle connections, tells HTTP/2 clients to go away; what is in flight goes on. */
  drain(): void {
    this.#http1.closeIdleConnections();
    for (const session of this.#sessions) session.close();
  }

  /** After the last connection has gone: ends the timers. */
  close(): void {
    this.#http1.close();
    this.#http2.close();
  }
}
