import { ServiceError } from '../errors/service-error.js';
import { Turns } from './turns.js';

/** A small call costs about what HTTP costs around it, a large one several times as much. */
export type CallSize = 'small' | 'large';

export interface CallTurnsOptions {
  /** Milliseconds, never going back (default: the process's own). */
  readonly now?: () => number;
  /**
   * Calls that may wait at any one time (default 200). Each is a call in flight of its listener as well, of which there may
   * be 256: what remains is for those that wait for something else, so that a listener whose line is full answers the rest.
   */
  readonly waiting?: number;
}

/** Milliseconds of one turn of the event loop in which calls begin as they come: what callers one after the other ask for never waits. */
const AT_ONCE_MS = 2;
const WAITING = 200;

/**
 * Expensive calls of a process, by turns: many that arrive together would otherwise hold up everything else until the last of
 * them is done. What comes alone is done at once, what comes in a burst one call a turn of the event loop, first come, first
 * served. A small call passes by large ones that wait; it waits only when there are too many of its own kind.
 */
export class CallTurns {
  readonly #turns = new Turns();
  readonly #now: () => number;
  readonly #limit: number;
  #waiting = 0;
  /** When the first of the calls done at once in this turn began; null while there was none. */
  #since: number | null = null;

  constructor({ now = () => performance.now(), waiting = WAITING }: CallTurnsOptions = {}) {
    this.#now = now;
    this.#limit = waiting;
  }

  /**
   * What `work` returns, as it is when it is done at once, else a promise of it. What it throws is thrown, or rejects, for this
   * call alone. `signal` is asked for only when the call has to wait: if it has aborted by then, `work` is not done, and the
   * reason of the signal rejects.
   * @throws ServiceError RESOURCE_EXHAUSTED for a large call when as many wait as may; a small one is then done at once
   */
  run<T>(size: CallSize, work: () => T | Promise<T>, signal: () => AbortSignal): T | Promise<T> {
    const isFull = this.#waiting >= this.#limit;
    const passes = size === 'small' || this.#waiting === 0;
    if ((passes && this.#hasTime()) || (isFull && size === 'small')) return work();
    if (isFull) throw new ServiceError('RESOURCE_EXHAUSTED', 'too many calls wait for their turn');
    return this.#wait(work, signal());
  }

  #hasTime(): boolean {
    if (this.#since !== null) return this.#now() - this.#since < AT_ONCE_MS;
    this.#since = this.#now();
    setImmediate(this.#nextTurn);
    return true;
  }

  readonly #nextTurn = (): void => {
    this.#since = null;
  };

  #wait<T>(work: () => T | Promise<T>, signal: AbortSignal): Promise<T> {
    this.#waiting++;
    return new Promise((resolve, reject) => {
      this.#turns.add(() => {
        this.#waiting--;
        try {
          signal.throwIfAborted();
          resolve(work());
        } catch (error) {
          reject(error);
        }
      });
    });
  }
}
