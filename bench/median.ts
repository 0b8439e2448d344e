/** One thing to measure: what `prepare` makes is handed to `work`, and not counted. */
export interface Case {
  readonly prepare: () => unknown;
  readonly work: (input: never) => unknown;
  /** Times it is done in a row. */
  readonly inARow?: number;
}

const ROUNDS = 16;
const IN_A_ROW = 75;

/**
 * Median milliseconds of CPU time of each case, by name. CPU time, as other processes do not lengthen it as they do the time on the clock;
 * in rounds of all cases, so that a machine that is slower for a while is so for all of them and ratios hold; each many times in a row, so
 * that one does not pay for what another left in the processor's caches. The first rounds are warming up.
 */
export function medianMs<Name extends string>(cases: Readonly<Record<Name, Case>>): Readonly<Record<Name, number>> {
  const names = Object.keys(cases) as Name[];
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of names) {
      const took = timesInARow(cases[name]);
      if (round >= ROUNDS / 4) times[name].push(...took);
    }
  }
  return Object.fromEntries(names.map((name) => [name, percentile(times[name], 50)])) as Record<Name, number>;
}

function timesInARow({ prepare, work, inARow = IN_A_ROW }: Case): number[] {
  return Array.from({ length: inARow }, () => cpuMs(work as (input: unknown) => unknown, prepare()));
}

function cpuMs(work: (input: unknown) => unknown, input: unknown): number {
  const from = process.cpuUsage();
  work(input);
  const { user, system } = process.cpuUsage(from);
  return (user + system) / 1000;
}

export function percentile(times: readonly number[], of: number): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * of) / 100))] ?? Number.NaN;
}
