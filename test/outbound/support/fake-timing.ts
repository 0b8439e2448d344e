import type { Timing } from '../../../src/outbound/timing.js';

export interface FakeTiming extends Timing {
  /** Milliseconds; moved by tests, and by sleeping. */
  at: number;
  readonly slept: number[];
}

/** Time that stands still but for sleeps, and chance that always gives the largest value. */
export function fakeTiming(): FakeTiming {
  const timing: FakeTiming = {
    at: 0,
    slept: [],
    now: () => timing.at,
    random: () => 0.999_999,
    async sleep(ms) {
      timing.slept.push(ms);
      timing.at += ms;
    },
  };
  return timing;
}
