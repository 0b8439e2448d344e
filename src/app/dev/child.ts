import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const DSTACK = fileURLToPath(new URL('../../bin/dstack.js', import.meta.url));

/** A `dstack` process of the development system. */
export interface DstackProcess {
  readonly name: string;
  readonly pid: number;
  /** Rejects when the process ends although nobody stopped it. */
  readonly failed: Promise<never>;
  /** SIGTERM, then SIGKILL after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** Starts `dstack <args>` with its standard error on ours, or on the descriptor given. It does not outlive this process, however that ends, short of SIGKILL. */
export function startDstack(name: string, args: readonly string[], log: number | 'inherit' = 'inherit'): DstackProcess {
  const child = spawn(process.execPath, [DSTACK, ...args], { stdio: ['ignore', 'ignore', log] });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  let stopping = false;
  const failed = new Promise<never>((_resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (!stopping) reject(new Error(`${name} ended with ${signal ?? `status ${code}`}`));
    });
  });
  // Waited for only while something is waited for; a later end is reported by whoever runs the system.
  failed.catch(() => undefined);
  return {
    name,
    pid: child.pid ?? -1,
    failed,
    async stop(graceMs) {
      stopping = true;
      await stopChild(child, graceMs);
    },
  };
}

async function stopChild(child: ChildProcess, graceMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await exited;
  clearTimeout(timer);
}
