import { EvidenceSourceError } from '../../errors/evidence-source-error.js';
import type { RefusalReason } from './quote-metrics.js';

/** How much the queue before a device takes in. */
export interface QuoteLimits {
  /** Callers that wait or are being served at any one time, over all peers. */
  readonly maxCallers: number;
  /** The same for one peer. */
  readonly maxCallersPerPeer: number;
  /** Milliseconds a caller without a deadline of its own waits. */
  readonly waitMs: number;
}

/** A refusal leaves this much of the caller's time, at most a tenth of it, for the way back. */
const ANSWER_MARGIN_MS = 250;

/** Weight of the newest operation in the running mean of device times. */
const NEWEST = 0.3;

/** What is before somebody who would join the queue now. */
export interface Ahead {
  /** Milliseconds the device has worked on what it is at. */
  readonly workedMs: number;
  /** Operations that would have their turn first. */
  readonly operations: number;
}

/** Who may join the queue: counts those in it, and judges by how long the device took of late whether another can be served in time. */
export class QuoteAdmission {
  readonly #limits: QuoteLimits;
  readonly #perPeer = new Map<string, number>();
  #callers = 0;
  /** 0 until there was an operation. */
  #usualMs = 0;

  constructor(limits: QuoteLimits) {
    this.#limits = limits;
  }

  /** Milliseconds an operation took of late; 0 until there was one. */
  get usualMs(): number {
    return this.#usualMs;
  }

  /** An operation succeeded after `ms` milliseconds. */
  worked(ms: number): void {
    this.#usualMs = this.#usualMs === 0 ? ms : this.#usualMs * (1 - NEWEST) + ms * NEWEST;
  }

  /** Milliseconds after which a caller is told that there is no answer. @param waitMs its own patience, or null */
  patience(waitMs: number | null): number {
    const patience = waitMs ?? this.#limits.waitMs;
    return patience - Math.min(ANSWER_MARGIN_MS, patience / 10);
  }

  /**
   * Why a caller cannot join, or null.
   * @param patienceMs see `patience`
   * @param ahead null where its turn is not a question: the device is idle, and may be faster by now, or somebody waits for the same already
   */
  refusal(peer: string, patienceMs: number, ahead: Ahead | null): RefusalReason | null {
    if (this.#callers >= this.#limits.maxCallers) return 'full';
    if ((this.#perPeer.get(peer) ?? 0) >= this.#limits.maxCallersPerPeer) return 'peer';
    if (ahead === null) return null;
    const until = Math.max(0, this.#usualMs - ahead.workedMs) + (ahead.operations + 1) * this.#usualMs;
    return until > patienceMs ? 'deadline' : null;
  }

  enter(peer: string): void {
    this.#count(peer, 1);
  }

  leave(peer: string): void {
    this.#count(peer, -1);
  }

  #count(peer: string, by: 1 | -1): void {
    this.#callers += by;
    const own = (this.#perPeer.get(peer) ?? 0) + by;
    if (own === 0) this.#perPeer.delete(peer);
    else this.#perPeer.set(peer, own);
  }
}

const BUSY_TEXT: Readonly<Record<RefusalReason, string>> = {
  full: 'too many requests are waiting for the device already',
  peer: 'too many requests of this caller are waiting for the device already',
  deadline: 'the device is busy and cannot serve the request before its deadline',
};

/** What who is refused is told. */
export function busy(reason: RefusalReason): EvidenceSourceError {
  return new EvidenceSourceError('DEVICE_BUSY', BUSY_TEXT[reason]);
}
