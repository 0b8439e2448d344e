import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { percentile } from './median.js';

export interface Probed<T> {
  readonly result: T;
  /** Milliseconds the work took. */
  readonly tookMs: number;
  /** Milliseconds of every answer meanwhile, in the order of the targets. */
  readonly answers: readonly (readonly number[])[];
}

/** Does the work while another process asks each target ("METHOD URL") every 5 ms. @throws Error when a target does not answer with 200 */
export async function probed<T>(targets: readonly string[], work: () => Promise<T>): Promise<Probed<T>> {
  const probe = spawn(process.execPath, [new URL('health-probe.js', import.meta.url).pathname, ...targets], { stdio: ['pipe', 'pipe', 'inherit'] });
  const kill = (): void => void probe.kill('SIGKILL');
  process.once('exit', kill);
  try {
    let output = '';
    probe.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await Promise.race([once(probe.stdout, 'data'), once(probe, 'close')]);
    await delay(300);
    const from = performance.now();
    const died = once(probe, 'close').then(() => Promise.reject(new Error(`${targets.join(', ')} did not answer`)));
    died.catch(() => undefined);
    const result = await Promise.race([work(), died]);
    const tookMs = performance.now() - from;
    probe.stdin.end();
    if (probe.exitCode === null) await once(probe, 'close');
    if (probe.exitCode !== 0) throw new Error(`${targets.join(', ')} did not answer`);
    return { result, tookMs, answers: JSON.parse(output.split('\n')[1] ?? '[]') as number[][] };
  } finally {
    kill();
    process.off('exit', kill);
  }
}

/** "480 times: p50 0.93 ms, p99 7.45 ms, worst 8.78 ms" */
export function spread(times: readonly number[]): string {
  const ms = (of: number): string => percentile(times, of).toFixed(2);
  return `${times.length} times: p50 ${ms(50)} ms, p99 ${ms(99)} ms, worst ${ms(100)} ms`;
}
