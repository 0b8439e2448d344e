import { execFile } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdir, rm, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { loadNative } from '../../../src/native/loader.js';

const run = promisify(execFile);

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(dirname(dirname(here)));
const out = join(root, 'build', 'test');
const marker = join(out, 'server.tsbuildinfo');

export interface Programs {
  /** Compiled mount.cc. */
  readonly mount: string;
  /** Compiled server.ts. */
  readonly server: string;
}

/** Compiles what serves the devices into build/test, once for all test files and whenever a source is newer. */
export async function buildPrograms(): Promise<Programs> {
  const programs = { mount: join(out, 'mount'), server: join(out, 'test', 'native', 'fuse', 'server.js') };
  await mkdir(out, { recursive: true });
  const lock = await loadNative().lockFile({ path: join(out, 'lock'), pollIntervalMs: 20, deadlineMs: 120_000 });
  try {
    const newest = Math.max(...[join(root, 'src'), here].map(newestIn));
    const built = Object.values(programs).every(existsSync) ? statSync(marker).mtimeMs : -Infinity;
    if (built >= newest) return programs;
    const began = new Date();
    await rm(marker, { force: true });
    const flags = ['-std=c++17', '-O1', '-Wall', '-Wextra', '-Werror'];
    await run(process.env['CXX'] ?? 'c++', [...flags, join(here, 'mount.cc'), '-o', programs.mount]);
    await run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', join(here, 'tsconfig.json')]);
    await utimes(marker, began, began);
    return programs;
  } finally {
    lock.release();
  }
}

function newestIn(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Math.max(...files.map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs));
}
