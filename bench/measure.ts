import { readFileSync } from 'node:fs';
import autocannon from 'autocannon';

/** One load run against one server process. */
export interface Target {
  readonly name: string;
  /** Process whose CPU time is charged. */
  readonly pid: number;
  readonly options: autocannon.Options;
}

export interface Figure {
  readonly name: string;
  readonly perSecond: number;
  /** Server CPU, user and system, milliseconds per request. */
  readonly cpuMs: number;
  readonly failures: number;
}

/** CPU milliseconds a process has used so far: utime and stime of proc(5), 100 ticks a second on Linux. */
function cpuMillis(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/**
 * Loads a target with 32 connections for `seconds`, after a warm-up of a second.
 * Ratios between figures of one run mean something; absolute figures are this machine's.
 */
export async function measure(target: Target, seconds: number): Promise<Figure> {
  await load(target.options, 1);
  const before = cpuMillis(target.pid);
  const result = await load(target.options, seconds);
  const cpu = cpuMillis(target.pid) - before;
  const requests = result.requests.total;
  return {
    name: target.name,
    perSecond: requests / seconds,
    cpuMs: requests === 0 ? Number.NaN : cpu / requests,
    failures: result.non2xx + result.errors + result.timeouts,
  };
}

function load(options: autocannon.Options, seconds: number): Promise<autocannon.Result> {
  return new Promise((resolve, reject) => {
    autocannon({ connections: 32, ...options, duration: seconds }, (error: Error | null, result) => (error === null ? resolve(result) : reject(error)));
  });
}
