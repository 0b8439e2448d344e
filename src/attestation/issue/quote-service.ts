import { EvidenceSourceError } from '../../errors/evidence-source-error.js';
import type { Asker } from '../evidence/evidence-source.js';
import { FairLanes } from './fair-lanes.js';
import { type Ahead, busy, QuoteAdmission, type QuoteLimits } from './quote-admission.js';
import type { QuoteMetrics } from './quote-metrics.js';
import { type Awaiting, outcomeOf, settle } from './quote-outcome.js';

export interface QuoteServiceOptions extends QuoteLimits {
  /** Milliseconds, never going back. */
  readonly now: () => number;
  readonly metrics: QuoteMetrics;
}

/** One operation of the device. */
export interface DeviceRequest<T> {
  /** Requests with one key are the same and share one operation. */
  readonly key: string;
  /** Has to settle some time: the device is taken to be busy until it does. */
  readonly task: () => Promise<T>;
}

/** Whose requests nobody gave a name to. */
const UNNAMED: Asker = { peer: 'internal', waitMs: null };

interface Waiting extends Awaiting {
  readonly peer: string;
  /** Milliseconds of the clock. */
  readonly since: number;
  readonly deadline: number;
}

/** An operation, waiting or begun, and who wants what it gives. */
interface Flight {
  readonly key: string;
  readonly lane: string;
  readonly task: () => Promise<unknown>;
  readonly callers: Set<Waiting>;
  /** Milliseconds of the clock; null until it has the turn. */
  begunAt: number | null;
}

/**
 * The queue before one device, which serves one operation at a time. Everybody who asks is answered, or told
 * by the deadline that they are not: nobody is forgotten and nobody is answered too late.
 *
 * - Peers take turns, each in the order it asked.
 * - Who cannot have an answer in time, judged by how long the device took of late, is refused at once.
 * - Identical requests in flight share one operation and get copies of what it gives. One who leaves takes
 *   nothing from the others; an operation that has begun holds the turn until it ends, wanted or not.
 */
export class QuoteService {
  readonly #options: QuoteServiceOptions;
  readonly #lanes = new FairLanes<Flight>();
  readonly #flights = new Map<string, Flight>();
  readonly #admission: QuoteAdmission;
  #running: Flight | null = null;

  constructor(options: QuoteServiceOptions) {
    this.#options = options;
    this.#admission = new QuoteAdmission(options);
  }

  /**
   * @param asker null for users inside the process without a name
   * @throws EvidenceSourceError DEVICE_BUSY when there is no room or no turn in time, DEVICE_TIMEOUT when the deadline
   *   passes after the operation began or `signal` aborts; else what the task throws
   */
  ask<T>(request: DeviceRequest<T>, asker: Asker | null, signal: AbortSignal | null): Promise<T> {
    const { peer, waitMs } = asker ?? UNNAMED;
    if (signal?.aborted === true) return Promise.reject(abandoned(signal.reason));
    const since = this.#options.now();
    const patience = this.#admission.patience(waitMs);
    const joined = this.#flights.get(request.key);
    const refusal = this.#admission.refusal(peer, patience, joined === undefined ? this.#ahead(peer, since) : null);
    if (refusal !== null) {
      this.#options.metrics.refused(refusal);
      return Promise.reject(busy(refusal));
    }
    if (joined !== undefined) this.#options.metrics.coalesced();
    const flight = joined ?? { key: request.key, lane: peer, task: request.task, callers: new Set<Waiting>(), begunAt: null };
    const answer = this.#join(flight, { peer, since, deadline: since + patience }, signal) as Promise<T>;
    if (joined === undefined) this.#enqueue(flight);
    return answer;
  }

  /** What would have its turn before a request of `peer`; null while the device is idle. */
  #ahead(peer: string, now: number): Ahead | null {
    if (this.#running === null) return null;
    return { workedMs: now - (this.#running.begunAt ?? now), operations: this.#lanes.ahead(peer) };
  }

  #join(flight: Flight, who: Pick<Waiting, 'peer' | 'since' | 'deadline'>, signal: AbortSignal | null): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const stay = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        this.#admission.leave(who.peer);
      };
      const caller: Waiting = {
        ...who,
        resolve: (value) => {
          stay();
          resolve(value);
        },
        reject: (error) => {
          stay();
          reject(error);
        },
      };
      const onAbort = (): void => this.#leave(flight, caller, abandoned(signal?.reason));
      const timer = setTimeout(() => this.#leave(flight, caller, this.#tooLate(flight)), who.deadline - who.since);
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#admission.enter(who.peer);
      flight.callers.add(caller);
    });
  }

  #tooLate(flight: Flight): EvidenceSourceError {
    const { metrics } = this.#options;
    if (flight.begunAt === null) {
      metrics.refused('deadline');
      return busy('deadline');
    }
    metrics.timedOut();
    return new EvidenceSourceError('DEVICE_TIMEOUT', 'the device did not answer in time');
  }

  #leave(flight: Flight, caller: Waiting, error: EvidenceSourceError): void {
    if (!flight.callers.delete(caller)) return;
    if (flight.callers.size === 0 && flight.begunAt === null) {
      this.#lanes.remove(flight.lane, flight);
      this.#flights.delete(flight.key);
      this.#options.metrics.depth(this.#lanes.size);
    }
    caller.reject(error);
  }

  #enqueue(flight: Flight): void {
    this.#flights.set(flight.key, flight);
    if (this.#running === null) this.#begin(flight);
    else this.#lanes.add(flight.lane, flight);
    this.#options.metrics.depth(this.#lanes.size);
  }

  #next(): void {
    for (let flight = this.#lanes.take(); flight !== undefined; flight = this.#lanes.take()) {
      this.#refuseLate(flight);
      if (flight.callers.size > 0) {
        this.#begin(flight);
        break;
      }
      this.#flights.delete(flight.key);
    }
    this.#options.metrics.depth(this.#lanes.size);
  }

  /** Whoever the device cannot serve in time any more makes room for those it can. */
  #refuseLate(flight: Flight): void {
    const until = this.#options.now() + this.#admission.usualMs;
    for (const caller of flight.callers) {
      if (caller.deadline >= until) continue;
      flight.callers.delete(caller);
      this.#options.metrics.refused('deadline');
      caller.reject(busy('deadline'));
    }
  }

  #begin(flight: Flight): void {
    const { now, metrics } = this.#options;
    const begunAt = now();
    this.#running = flight;
    flight.begunAt = begunAt;
    for (const { since } of flight.callers) metrics.waited(begunAt - since);
    void this.#finish(flight, begunAt);
  }

  async #finish(flight: Flight, begunAt: number): Promise<void> {
    const { now, metrics } = this.#options;
    const outcome = await outcomeOf(flight.task);
    const ms = now() - begunAt;
    metrics.worked(ms, outcome.ok);
    if (outcome.ok) this.#admission.worked(ms);
    this.#running = null;
    this.#flights.delete(flight.key);
    // The callers only go on after the next operation has the turn.
    this.#next();
    settle(flight.callers, outcome);
  }
}

function abandoned(cause: unknown): EvidenceSourceError {
  return new EvidenceSourceError('DEVICE_TIMEOUT', 'the request for evidence was abandoned', { cause });
}
