import { unattested } from '../caller/caller.js';
import type { Caller } from '../caller/caller.js';
import type { TlsSession } from '../caller/tls-session.js';
import { ServiceError } from '../errors/service-error.js';
import type { Connection, HttpResponse } from './connection.js';
import type { CallContext, Door } from './method.js';

/** How a call learns that its client has gone: the response it will be answered on, or a signal that knows. */
export type ClientPresence = HttpResponse | AbortSignal;

/**
 * One call on its way through the pipeline. The abort signal exists only if a handler asks for it: most do
 * not, and making one costs more than everything else here.
 */
export class Call implements CallContext {
  readonly procedure: string;
  readonly door: Door;
  readonly connection: Connection;
  /** Milliseconds of the pipeline's clock. */
  readonly startedAt: number;
  /** Set by the pipeline before any handler can see the call. */
  caller: Caller;
  /** True once the outcome is decided and recorded. */
  settled = false;

  readonly #presence: ClientPresence;
  readonly #now: () => number;
  /** Milliseconds of the pipeline's clock. */
  #answerBy = 0;
  #controller: AbortController | null = null;
  #abortReason: ServiceError | null = null;

  constructor(procedure: string, door: Door, connection: Connection, presence: ClientPresence, now: () => number) {
    this.procedure = procedure;
    this.door = door;
    this.connection = connection;
    this.startedAt = now();
    this.#now = now;
    this.caller = unattested(connection.peer);
    this.#presence = presence;
  }

  get session(): TlsSession | null {
    return this.connection.session;
  }

  get waitMs(): number {
    return Math.max(0, this.#answerBy - this.#now());
  }

  /** For the pipeline, before the handler runs: an answer is waited for `ms` milliseconds from now. */
  waitFor(ms: number): void {
    this.#answerBy = this.#now() + ms;
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#abortReason !== null) this.#controller.abort(this.#abortReason);
      else this.#watchClient();
    }
    return this.#controller.signal;
  }

  /** Tells the handler, if it listens, that its answer is no longer wanted. Only the first reason counts. */
  abort(reason: ServiceError): void {
    this.#abortReason ??= reason;
    this.#controller?.abort(this.#abortReason);
  }

  #watchClient(): void {
    const gone = (): void => {
      if (!this.settled) this.abort(new ServiceError('DEADLINE_EXCEEDED', 'the client has gone'));
    };
    if (!(this.#presence instanceof AbortSignal)) this.#presence.once('close', gone);
    else if (this.#presence.aborted) gone();
    else this.#presence.addEventListener('abort', gone, { once: true });
  }
}
