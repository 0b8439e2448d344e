import type { Http2ServerRequest } from 'node:http2';
import { ServiceError } from '../errors/service-error.js';
import type { HttpRequest } from './connection.js';

const EMPTY = new Uint8Array(0);

/** Bounds what all requests of one handler hold in memory together, in bytes. */
export class BodyBudget {
  readonly #limit: number;
  #held = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  take(bytes: number): boolean {
    if (this.#held + bytes > this.#limit) return false;
    this.#held += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#held -= bytes;
  }
}

export interface BodyLimits {
  /** Bytes one body may have; exactly that many are accepted. */
  readonly size: number;
  readonly budget: BodyBudget;
  /** Milliseconds an HTTP/2 body may take. */
  readonly arrivalMs: number;
}

/**
 * Reads the body of a request. Exactly one of `done` and `fail` is called: `done` at once when there is no
 * body, `fail` as soon as a limit is passed or the client breaks off. What arrives after a failure is
 * discarded, so that a client that sends before it reads still gets its answer.
 *
 * `fail` gets INVALID_ARGUMENT (too large, broken off), RESOURCE_EXHAUSTED (budget) or DEADLINE_EXCEEDED.
 */
export function readBody(request: HttpRequest, limits: BodyLimits, done: (body: Uint8Array) => void, fail: (error: ServiceError) => void): void {
  if (!hasBody(request)) {
    done(EMPTY);
    return;
  }
  if (Number(request.headers['content-length'] ?? 0) > limits.size) {
    request.on('error', ignore).resume();
    fail(tooLarge());
    return;
  }
  new BodyReader(request, limits, done, fail).start();
}

function hasBody(request: HttpRequest): boolean {
  const length = request.headers['content-length'];
  if (length !== undefined) return length !== '0';
  return isHttp2(request) ? !request.stream.endAfterHeaders : request.headers['transfer-encoding'] !== undefined;
}

export function isHttp2(request: HttpRequest): request is Http2ServerRequest {
  return request.httpVersionMajor === 2;
}

class BodyReader {
  readonly #request: HttpRequest;
  readonly #limits: BodyLimits;
  readonly #done: (body: Uint8Array) => void;
  readonly #fail: (error: ServiceError) => void;
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #open = true;
  #timer: NodeJS.Timeout | null = null;

  constructor(request: HttpRequest, limits: BodyLimits, done: (body: Uint8Array) => void, fail: (error: ServiceError) => void) {
    this.#request = request;
    this.#limits = limits;
    this.#done = done;
    this.#fail = fail;
  }

  start(): void {
    const request = this.#request;
    // Every HTTP/2 request closes in the end, most with their body read.
    const brokenOff = (): void => {
      if (this.#open) this.#stop(new ServiceError('INVALID_ARGUMENT', 'failed to read data: the request broke off'));
    };
    request.on('data', (chunk: Buffer) => this.#add(chunk));
    request.on('end', () => this.#end());
    request.on('error', brokenOff);
    if (!isHttp2(request)) return;
    request.on('close', brokenOff);
    const late = (): void => this.#stop(new ServiceError('DEADLINE_EXCEEDED', 'failed to read data: the request did not arrive in time'));
    this.#timer = setTimeout(late, this.#limits.arrivalMs);
  }

  #add(chunk: Buffer): void {
    if (!this.#open) return;
    if (this.#size + chunk.length > this.#limits.size) this.#stop(tooLarge());
    else if (!this.#limits.budget.take(chunk.length)) this.#stop(new ServiceError('RESOURCE_EXHAUSTED', 'too many requests in progress'));
    else {
      this.#size += chunk.length;
      this.#chunks.push(chunk);
    }
  }

  #end(): void {
    if (!this.#open) return;
    const [first] = this.#chunks;
    const body = this.#chunks.length > 1 ? Buffer.concat(this.#chunks, this.#size) : (first ?? EMPTY);
    this.#release();
    this.#done(body);
  }

  #stop(error: ServiceError): void {
    if (!this.#open) return;
    this.#release();
    this.#fail(error);
  }

  #release(): void {
    this.#open = false;
    this.#limits.budget.giveBack(this.#size);
    this.#chunks.length = 0;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }
}

function tooLarge(): ServiceError {
  return new ServiceError('INVALID_ARGUMENT', 'failed to read data: payload too large');
}

function ignore(): void {
  // The answer is on its way already; how the request ends makes no difference to it.
}
