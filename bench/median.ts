/** One thing to measure: what `prepare` makes is handed to `work`, and not counted. */
export interface Case {
  readonly prepare: () => unknown;
  readonly work: (input: never) => unknown;
  /** Times it is done in a row. */
  readonly inARow?: number;
}

const ROUNDS = 120;
const IN_A_ROW = 12;

export interface Medians<Name extends string> {
  /** Milliseconds of CPU time by case. */
  readonly ms: Readonly<Record<Name, number>>;
  /** How many times as long `a` takes as `b`: the median of what the rounds say. */
  readonly ratio: (a: Name, b: Name) => number;
}

/**
 * Medians of the CPU time of each case: other processes do not lengthen it as they do the time on the clock. A core that is shared is half as
 * fast again from one second to the next, so cases are compared with others of their own round, and rounds are many and short; each case is
 * done a few times in a row in a round, so that most do not pay for what another left in the processor's caches. The first half of the rounds
 * is warming up: what runs as seldom as this is not compiled to its last form before.
 */
export function medians<Name extends string>(cases: Readonly<Record<Name, Case>>): Medians<Name> {
  const names = Object.keys(cases) as Name[];
  const rounds = Array.from({ length: ROUNDS }, () => eachOf(names, (name) => timesInARow(cases[name]))).slice(ROUNDS / 2);
  const typical = rounds.map((round) => eachOf(names, (name) => percentile(round[name], 50)));
  return {
    ms: eachOf(names, (name) => percentile(rounds.flatMap((round) => round[name]), 50)),
    ratio: (a, b) => percentile(typical.map((round) => round[a] / round[b]), 50),
  };
}

function eachOf<Name extends string, T>(names: readonly Name[], value: (name: Name) => T): Readonly<Record<Name, T>> {
  return Object.fromEntries(names.map((name) => [name, value(name)])) as Record<Name, T>;
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
