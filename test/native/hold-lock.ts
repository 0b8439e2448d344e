import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';

/** Another process (flock(1)) that holds an exclusive lock on `path` until the returned function is called or the test ends. */
export async function holdLock(path: string): Promise<() => Promise<void>> {
  const child = spawn('flock', ['--exclusive', path, 'sh', '-c', 'echo held; read line'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  const release = async (): Promise<void> => {
    child.stdin.end();
    await closed;
  };
  onTestFinished(release);
  await once(child.stdout, 'data');
  return release;
}
