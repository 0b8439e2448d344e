import { backoff, type BackoffRange, type Timing } from './timing.js';

/** Times in a row without an answer after which an address is left alone. */
const FAILURES = 2;
/** Milliseconds it is then left alone, longer each time. */
const REST: BackoffRange = { first: 5_000, most: 60_000 };

/**
 * Whether an address is worth asking. One that did not answer lately would cost every caller its full deadline, so it rests; then
 * one call finds out whether it is back. Only silence counts: what an address answers depends on what was asked, and whoever
 * asks could otherwise switch it off for everybody.
 */
export class Circuit {
  readonly #timing: Timing;
  #failures = 0;
  #restsUntil = 0;
  #probing = false;

  constructor(timing: Timing) {
    this.#timing = timing;
  }

  /** True: ask, and report the outcome with `answered` or `silent`. */
  admits(): boolean {
    if (this.#failures < FAILURES) return true;
    if (this.#probing || this.#timing.now() < this.#restsUntil) return false;
    this.#probing = true;
    return true;
  }

  answered(): void {
    this.#failures = 0;
    this.#probing = false;
  }

  silent(): void {
    this.#failures++;
    this.#probing = false;
    if (this.#failures >= FAILURES) this.#restsUntil = this.#timing.now() + backoff(this.#failures - FAILURES + 1, REST, () => this.#timing.random());
  }
}
