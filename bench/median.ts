/**
 * Median milliseconds of CPU time of `runs` calls, which other processes on the machine do not lengthen as they do the time on the
 * clock; what `prepare` makes is not counted.
 */
export function medianMs<T>(runs: number, prepare: () => T, work: (input: T) => unknown): number {
  const times: number[] = [];
  for (let i = 0; i < runs; i++) {
    const input = prepare();
    const from = process.cpuUsage();
    work(input);
    const { user, system } = process.cpuUsage(from);
    times.push((user + system) / 1000);
  }
  return percentile(times, 50);
}

export function percentile(times: readonly number[], of: number): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * of) / 100))] ?? Number.NaN;
}
