import { peerText } from '../caller/caller.js';
import type { Caller } from '../caller/caller.js';
import { ServiceError } from '../errors/service-error.js';
import { withContext } from '../errors/with-context.js';
import type { AccessTable } from './access.js';
import { Call } from './call.js';
import type { ClientPresence } from './call.js';
import type { Connection } from './connection.js';
import { toWireError } from './error-map.js';
import type { WireError } from './error-map.js';
import type { AuditRecord } from './handler-options.js';
import type { Door } from './method.js';

/** Where a call was refused: `evidence` before anybody looked for its method, `access` by its rule. */
export type RefusalStage = 'evidence' | 'access';

export interface PipelineOptions {
  readonly access: AccessTable;
  readonly audit: (record: AuditRecord) => void;
  readonly appIdOf: (caller: Caller) => string | null;
  readonly callMs: number;
  readonly concurrentCalls: number;
  readonly monotonicNow: () => number;
}

/**
 * The one way from a request to a handler, whichever door the request came in by:
 * `open`, `admit` (who is calling, may they), `perform` (limits, deadline, handler), `settle` (audit, error map).
 *
 * Written with continuations rather than promises: a handler that answers at once is answered in the same
 * tick, which is what makes the doors fast.
 */
export class Pipeline {
  readonly #options: PipelineOptions;
  #running = 0;

  constructor(options: PipelineOptions) {
    this.#options = options;
  }

  /** Starts the clock of a call. Every call opened must be settled. */
  open(procedure: string, door: Door, connection: Connection, presence: ClientPresence): Call {
    return new Call(procedure, door, connection, presence, this.#options.monotonicNow);
  }

  /** Finds out who is calling and whether they may. Exactly one of the two continuations is called. */
  admit(call: Call, proceed: () => void, refuse: (error: unknown, stage: RefusalStage) => void): void {
    const caller = call.connection.caller();
    if (!(caller instanceof Promise)) this.#judge(call, caller, proceed, refuse);
    else {
      caller.then(
        (settled) => this.#judge(call, settled, proceed, refuse),
        (error: unknown) => refuse(error, 'evidence'),
      );
    }
  }

  #judge(call: Call, caller: Caller, proceed: () => void, refuse: (error: unknown, stage: RefusalStage) => void): void {
    call.caller = caller;
    if (caller.evidence.status === 'refused') {
      refuse(withContext(caller.evidence.error, 'invalid quote'), 'evidence');
      return;
    }
    const refusal = this.#refusal(call.procedure, caller);
    if (refusal === null) proceed();
    else refuse(refusal, 'access');
  }

  /** Default deny: a procedure without a rule is refused for everybody. */
  #refusal(procedure: string, caller: Caller): ServiceError | null {
    const rule = this.#options.access.get(procedure);
    if (rule === undefined) return new ServiceError('UNAUTHORIZED', `no access rule for ${procedure}`);
    if (rule.kind === 'anonymous' || caller.evidence.status === 'verified') return null;
    return new ServiceError('UNAUTHORIZED', rule.refusal);
  }

  /**
   * Runs a handler under the limits. Exactly one of `answer` and `fail` is called: in this very tick if the
   * handler answered at once. `clientMs` is the time the client is willing to wait, null for as long as we are.
   *
   * A handler that overran its deadline keeps its place among the concurrent calls until it really ends.
   */
  perform<T>(call: Call, work: () => T | Promise<T>, clientMs: number | null, answer: (value: T) => void, fail: (error: unknown) => void): void {
    if (this.#running >= this.#options.concurrentCalls) {
      fail(new ServiceError('RESOURCE_EXHAUSTED', 'too many calls in progress'));
      return;
    }
    const { callMs } = this.#options;
    const waitMs = clientMs === null ? callMs : Math.max(0, Math.min(clientMs, callMs));
    call.waitFor(waitMs);
    let result: T | Promise<T>;
    try {
      result = work();
    } catch (error) {
      fail(error);
      return;
    }
    if (result instanceof Promise) this.#wait(call, result, waitMs, answer, fail);
    else answer(result);
  }

  #wait<T>(call: Call, result: Promise<T>, waitMs: number, answer: (value: T) => void, fail: (error: unknown) => void): void {
    this.#running++;
    let waiting = true;
    const stop = (): boolean => {
      const first = waiting;
      waiting = false;
      clearTimeout(timer);
      return first;
    };
    const timer = setTimeout(() => {
      if (!stop()) return;
      const error = new ServiceError('DEADLINE_EXCEEDED', `no answer within ${Math.round(waitMs)} ms`);
      call.abort(error);
      fail(error);
    }, waitMs);
    result.then(
      (value) => {
        this.#running--;
        if (stop()) answer(value);
        return null;
      },
      (error: unknown) => {
        this.#running--;
        if (stop()) fail(error);
      },
    );
  }

  /** Writes the audit record. Returns what to tell the caller, null for success. Further outcomes of the same call are dropped. */
  settle(call: Call, error: unknown): WireError | null {
    const wire = error === null ? null : toWireError(error);
    if (call.settled) return wire;
    call.settled = true;
    const { appIdOf, audit, monotonicNow } = this.#options;
    audit({
      procedure: call.procedure,
      door: call.door,
      peer: peerText(call.connection.peer),
      code: wire === null ? 'OK' : wire.code,
      durationMs: monotonicNow() - call.startedAt,
      appId: call.caller.evidence.status === 'verified' ? appIdOf(call.caller) : null,
      error: error === null ? null : asError(error),
    });
    return wire;
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(`thrown: ${typeof error}`);
}
