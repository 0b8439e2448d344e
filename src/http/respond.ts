import { Http2ServerResponse, constants } from 'node:http2';
import type { ServerHttp2Stream } from 'node:http2';
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { HttpRequest } from './connection.js';
import type { Exchange } from './exchange.js';

/** On every answer of every door (spec/prpc.md section 10). */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'SAMEORIGIN',
  'Permissions-Policy': 'interest-cohort=()',
};

/** An ASCII text, whose length is its size in bytes, or bytes. */
export type Body = string | Uint8Array;

/** Writes answers: always with Content-Length, never chunked, and with the headers every answer has. */
export class Responder {
  readonly #common: Readonly<Record<string, string>>;
  /** Content type to flat header list, without the length; made once per type. */
  readonly #flat = new Map<string, readonly string[]>();

  constructor(headers: Readonly<Record<string, string>>) {
    this.#common = { ...SECURITY_HEADERS, ...headers };
  }

  /**
   * Answers a request. A string `body` must be ASCII. For HEAD the headers are those of GET and the body is
   * left out. Does nothing when the client has gone or an answer was begun.
   * `sent` runs when the answer has been handed to the kernel, or never.
   */
  send(exchange: Exchange, status: number, contentType: string, body: Body, extra?: Readonly<Record<string, string>>, sent?: () => void): void {
    const { response } = exchange;
    if (response.destroyed || response.headersSent) return;
    if (response instanceof Http2ServerResponse) this.#sendHttp2(exchange, response, status, contentType, body, extra, sent);
    else this.#sendHttp1(exchange, response, status, contentType, body, extra, sent);
  }

  /** For answers written by somebody else: sets the common headers on the response. */
  prepare(exchange: Exchange): void {
    const { response } = exchange;
    for (const [name, value] of Object.entries(this.#common)) response.setHeader(name, value);
    if (!(response instanceof Http2ServerResponse) && exchange.connection.draining === true) response.shouldKeepAlive = false;
  }

  #sendHttp1(
    exchange: Exchange,
    response: ServerResponse,
    status: number,
    contentType: string,
    body: Body,
    extra: Readonly<Record<string, string>> | undefined,
    sent: (() => void) | undefined,
  ): void {
    const headers = this.#flatHeaders(contentType).slice();
    headers.push('Content-Length', String(body.length));
    if (extra !== undefined) for (const [name, value] of Object.entries(extra)) headers.push(name, value);
    if (exchange.connection.draining === true) response.shouldKeepAlive = false;
    response.writeHead(status, headers);
    // Latin-1 lets Node send headers and body in one piece without looking at the text again.
    if (typeof body === 'string') response.end(body, 'latin1', sent);
    else response.end(body, sent);
  }

  #sendHttp2(
    exchange: Exchange,
    response: Http2ServerResponse,
    status: number,
    contentType: string,
    body: Body,
    extra: Readonly<Record<string, string>> | undefined,
    sent: (() => void) | undefined,
  ): void {
    const headers: OutgoingHttpHeaders = { ...this.#common, 'Content-Type': contentType, 'Content-Length': body.length, ...extra };
    response.writeHead(status, headers);
    // The 'finish' of the response itself comes only when the client has closed its half too.
    const { stream } = response;
    stream.once('finish', () => {
      stopUpload(stream, exchange.request);
      sent?.();
    });
    if (exchange.request.method === 'HEAD') response.end();
    else response.end(body);
  }

  #flatHeaders(contentType: string): readonly string[] {
    let flat = this.#flat.get(contentType);
    if (flat === undefined) {
      flat = [...Object.entries(this.#common).flat(), 'Content-Type', contentType];
      this.#flat.set(contentType, flat);
    }
    return flat;
  }
}

/** Milliseconds between looks whether an answer is out, and how many of them an answer gets. */
const UPLOAD_GRACE_MS = 50;
const UPLOAD_GRACES = 100;

/**
 * Asks a client that is still sending a request that was answered to stop, but not before the whole answer is out
 * (RFC 9113 section 8.1): clients drop an answer that is reset before its END_STREAM. What arrives until then is discarded.
 */
function stopUpload(stream: ServerHttp2Stream, request: HttpRequest): void {
  if (stream.destroyed || stream.endAfterHeaders || stream.readableEnded) return;
  request.resume();
  let left = UPLOAD_GRACES;
  const timer = setTimeout(() => {
    left--;
    if (stream.state.localClose === 1 || left === 0) stream.close(constants.NGHTTP2_NO_ERROR);
    else timer.refresh();
  }, UPLOAD_GRACE_MS);
  stream.once('close', () => clearTimeout(timer));
}
