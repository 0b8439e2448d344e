import { setTimeout as delay } from 'node:timers/promises';

/** Time and chance as retries need them; tests bring their own. */
export interface Timing {
  /** Milliseconds, never going back. */
  now(): number;
  /** At least 0, less than 1. */
  random(): number;
  /** Resolves after `ms` milliseconds; rejects when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const SYSTEM_TIMING: Timing = {
  now: () => performance.now(),
  random: Math.random,
  sleep: (ms, signal) => delay(ms, undefined, signal === undefined ? {} : { signal }),
};

export interface BackoffRange {
  /** Milliseconds, or whatever unit the result is wanted in. */
  readonly first: number;
  readonly most: number;
}

/**
 * How long to wait before attempt number `failures` + 1: twice as long each time, of which a random half is left out, so that
 * those whom one outage hit do not come back together.
 * @param failures 1 or more
 */
export function backoff(failures: number, { first, most }: BackoffRange, random: () => number): number {
  const full = Math.min(most, first * 2 ** Math.min(failures - 1, 30));
  return full / 2 + (full / 2) * random();
}
