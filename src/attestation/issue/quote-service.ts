import { EvidenceSourceError } from '../../errors/evidence-source-error.js';
import type { Asker } from '../evidence/evidence-source.js';
import { FairLanes } from './fair-lanes.js';
import type { QuoteMetrics, RefusalReason } from './quote-metrics.js';

export interface QuoteServiceOptions {
  /** Callers that wait or are being served at any one time, over all peers. */
  readonly maxCallers: number;
  /** The same for one peer. */
  readonly maxCallersPerPeer: number;
  /** Milliseconds a caller without a deadline of its own waits. */
  readonly waitMs: number;
  /** Milliseconds, never going back. */
  readonly now: () => number;
  readonly metrics: QuoteMetrics;
}

export const QUOTE_SERVICE_DEFAULTS = { maxCallers: 64, maxCallersPerPeer: 32, waitMs: 120_000 } as const;

/** One operation of the device. */
export interface DeviceRequest<T> {
  /** Requests with one key are the same and share one operation. */
  readonly key: string;
  /** Has to settle some time: the device is taken to be busy until it does. */
  readonly task: () => Promise<T>;
}

/** Whose requests nobody gave a name to. */
const UNNAMED: Asker = { peer: 'internal', waitMs: null };

/** A refusal leaves this much of the caller's time, at most a tenth of it, for the way back. */
const ANSWER_MARGIN_MS = 250;

/** Weight of the newest operation in the running mean of device times. */
const NEWEST = 0.3;

interface Waiting {
  readonly peer: string;
  /** Milliseconds of the clock. */
  readonly since: number;
  readonly deadline: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
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
  readonly #perPeer = new Map<string, number>();
  #callers = 0;
  #running: Flight | null = null;
  /** Milliseconds an operation took of late; 0 until there was one. */
  #usualMs = 0;

  constructor(options: QuoteServiceOptions) {
    this.#options = options;
  }

  /**
   * @param asker null for users inside the process without a name
   * @throws EvidenceSourceError DEVICE_BUSY when there is no room or no turn in time, DEVICE_TIMEOUT when the deadline
   *   passes after the operation began or `signal` aborts; else what the task throws
   */
  ask<T>(request: DeviceRequest<T>, asker: Asker | null, signal: AbortSignal | null): Promise<T> {
    const { peer, waitMs } = asker ?? UNNAMED;
    const patience = waitMs ?? this.#options.waitMs;
    const since = this.#options.now();
    const deadline = since + patience - Math.min(ANSWER_MARGIN_MS, patience / 10);
    if (signal?.aborted === true) return Promise.reject(abandoned(signal.reason));
    const joined = this.#flights.get(request.key);
    const refusal = this.#refusal(peer, deadline, joined !== undefined);
    if (refusal !== null) {
      this.#options.metrics.refused(refusal);
      return Promise.reject(busy(refusal));
    }
    if (joined !== undefined) this.#options.metrics.coalesced();
    const flight = joined ?? { key: request.key, lane: peer, task: request.task, callers: new Set<Waiting>(), begunAt: null };
    const answer = this.#join(flight, { peer, since, deadline }, signal) as Promise<T>;
    if (joined === undefined) this.#enqueue(flight);
    return answer;
  }

  #refusal(peer: string, deadline: number, joins: boolean): RefusalReason | null {
    if (this.#callers >= this.#options.maxCallers) return 'full';
    if ((this.#perPeer.get(peer) ?? 0) >= this.#options.maxCallersPerPeer) return 'peer';
    // An idle device is always tried: it may be faster by now.
    if (joins || this.#running === null) return null;
    const worked = this.#options.now() - (this.#running.begunAt ?? 0);
    const until = Math.max(0, this.#usualMs - worked) + (this.#lanes.ahead(peer) + 1) * this.#usualMs;
    return this.#options.now() + until > deadline ? 'deadline' : null;
  }

  #join(flight: Flight, who: Pick<Waiting, 'peer' | 'since' | 'deadline'>, signal: AbortSignal | null): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const stay = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        this.#count(who.peer, -1);
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
      this.#count(who.peer, 1);
      flight.callers.add(caller);
    });
  }

  #count(peer: string, by: 1 | -1): void {
    this.#callers += by;
    const own = (this.#perPeer.get(peer) ?? 0) + by;
    if (own === 0) this.#perPeer.delete(peer);
    else this.#perPeer.set(peer, own);
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
    const until = this.#options.now() + this.#usualMs;
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
    if (outcome.ok) this.#usualMs = this.#usualMs === 0 ? ms : this.#usualMs * (1 - NEWEST) + ms * NEWEST;
    this.#running = null;
    this.#flights.delete(flight.key);
    // The callers only go on after the next operation has the turn.
    this.#next();
    settle(flight.callers, outcome);
  }
}

type Outcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown };

async function outcomeOf(task: () => Promise<unknown>): Promise<Outcome> {
  try {
    return { ok: true, value: await task() };
  } catch (error) {
    return { ok: false, error };
  }
}

/** The first caller gets what the device gave, the others copies of it. */
function settle(callers: ReadonlySet<Waiting>, outcome: Outcome): void {
  let first = true;
  for (const caller of callers) {
    if (outcome.ok) caller.resolve(first ? outcome.value : copyOf(outcome.value));
    else caller.reject(outcome.error);
    first = false;
  }
}

/** Of evidence: bytes, lists, objects and what cannot be changed anyway. */
function copyOf(value: unknown): unknown {
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (Array.isArray(value)) return value.map(copyOf);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, copyOf(member)]));
}

const BUSY_TEXT: Readonly<Record<RefusalReason, string>> = {
  full: 'too many requests are waiting for the device already',
  peer: 'too many requests of this caller are waiting for the device already',
  deadline: 'the device is busy and cannot serve the request before its deadline',
};

function busy(reason: RefusalReason): EvidenceSourceError {
  return new EvidenceSourceError('DEVICE_BUSY', BUSY_TEXT[reason]);
}

function abandoned(cause: unknown): EvidenceSourceError {
  return new EvidenceSourceError('DEVICE_TIMEOUT', 'the request for evidence was abandoned', { cause });
}
