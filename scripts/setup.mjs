// What `npm start` and `npm test` do first: packages, then the build. Each step is skipped when it is up to date.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Runs a command in the package root, its output on stderr so that stdout stays the program's own. */
export function run(command, args, env = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], env: { ...process.env, ...env } });
  if (error) throw error;
  if (status !== 0) {
    console.error(`${command} ${args.join(' ')} failed with status ${status}`);
    process.exit(status ?? 1);
  }
}

function packagesAreCurrent() {
  const installed = join(root, 'node_modules/.package-lock.json');
  return existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs;
}

/** Path of a development tool's entry script, so that no shell and no PATH is involved. */
export function tool(name, entry) {
  return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), entry);
}

export function installPackages() {
  if (packagesAreCurrent()) return;
  console.error('installing packages …');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
}

export function build() {
  run(process.execPath, [tool('typescript', 'bin/tsc'), '-p', 'tsconfig.json']);
  run(process.execPath, ['scripts/build-native.mjs']);
}
