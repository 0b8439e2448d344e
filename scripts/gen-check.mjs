#!/usr/bin/env node
// Fails when gen/ is not exactly what `buf generate` makes of proto/. Works without a network.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, 'node_modules', '.bin');
// buf looks for protoc-gen-es on the search path, which only npm and npx prepare.
const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` };

/** Contents of all files under `dir`, by path relative to it. */
function tree(dir) {
  const files = new Map();
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(relative(dir, path).split(sep).join('/'), readFileSync(path));
  }
  return files;
}

/** One line for every file that is missing, left over or different. */
function differences(committed, fresh) {
  const lines = [];
  for (const [path, bytes] of fresh) {
    const have = committed.get(path);
    if (have === undefined) lines.push(`missing:   gen/${path}`);
    else if (!have.equals(bytes)) lines.push(`different: gen/${path}`);
  }
  for (const path of committed.keys()) {
    if (!fresh.has(path)) lines.push(`left over: gen/${path}`);
  }
  return lines.sort();
}

const scratch = mkdtempSync(join(tmpdir(), 'gen-check-'));
try {
  const run = spawnSync(join(bin, 'buf'), ['generate', '--output', scratch], { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] });
  if (run.error) throw run.error;
  if (run.status !== 0) throw new Error(`buf generate ended with status ${run.status}`);
  const lines = differences(tree(join(root, 'gen')), tree(join(scratch, 'gen')));
  if (lines.length > 0) {
    console.error(`${lines.join('\n')}\ngen/ does not match proto/: run \`npm run gen\` and commit the result.`);
    process.exitCode = 1;
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
