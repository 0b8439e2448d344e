import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** One file of a corpus. */
export interface CorpusFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Recorded documents and findings' inputs, kept whatever their coverage. */
export const KEPT = /^(seed|refused|regression)-/;

/** What one target's corpus may have: files and bytes, kept ones not counted. */
const MAX_FILES = 60;
const MAX_BYTES = 60_000;

/** The files of `folder` in order of name; none when it does not exist. */
export function readCorpus(folder: string): CorpusFile[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return names.sort().map((name) => ({ name, bytes: Uint8Array.from(readFileSync(join(folder, name))) }));
}

export function nameOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}

/** Writes `bytes` under its own hash and returns the path. */
export function writeInput(folder: string, bytes: Uint8Array): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, nameOf(bytes));
  writeFileSync(path, bytes);
  return path;
}

/**
 * The smallest files that together take every branch any of `inputs` takes, smallest first and as far as the bounds go.
 * @param adds runs an input and says whether it took a branch that no input before it did
 */
export function minimise(inputs: readonly Uint8Array[], adds: (input: Uint8Array) => boolean): Uint8Array[] {
  const kept: Uint8Array[] = [];
  let bytes = 0;
  for (const input of [...inputs].sort((a, b) => a.length - b.length)) {
    if (kept.length >= MAX_FILES || bytes + input.length > MAX_BYTES) break;
    if (!adds(input)) continue;
    kept.push(input);
    bytes += input.length;
  }
  return kept;
}

/** Makes `inputs` the corpus in `folder`, beside its kept files. */
export function replaceCorpus(folder: string, inputs: readonly Uint8Array[]): void {
  for (const { name } of readCorpus(folder)) if (!KEPT.test(name)) rmSync(join(folder, name));
  for (const input of inputs) writeInput(folder, input);
}
