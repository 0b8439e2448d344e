import { spawn } from 'node:child_process';

/** Runs a command and collects what it writes to stdout and stderr, in order. */
export function collect([command, ...args], { cwd, env = {}, timeout = 600_000 }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'], timeout });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
    child.on('error', reject);
    child.on('close', (status, signal) => resolve({ ended: signal ?? status, output }));
  });
}

/** Runs a command that must succeed; what it says is of interest only if it does not. */
export async function run(command, args, options) {
  const { ended, output } = await collect([command, ...args], options);
  if (ended !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${ended}\n${output}`);
  return output;
}

/** Refuses a missing toolchain, or one older than `least` (major, minor), in words. */
export async function toolchain({ command, args, least }) {
  const wanted = `${command} ${least.join('.')} or newer`;
  const said = await run(command, args, {}).catch((cause) => {
    throw new Error(`${wanted} is needed and was not found on PATH; nothing is skipped without it`, { cause });
  });
  const [, major, minor] = /(\d+)\.(\d+)/.exec(said) ?? [];
  const [leastMajor, leastMinor] = least;
  if (Number(major) < leastMajor || (Number(major) === leastMajor && Number(minor) < leastMinor)) {
    throw new Error(`${wanted} is needed, this is ${said.trim()}`);
  }
}
