import { mkdir, readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { collateralRequestFromKey, type QuoteCollateral } from '../attestation/collateral.js';
import { parseCollateralJson } from '../attestation/dcap/collateral-format.js';
import { collateralJson } from '../attestation/dcap/collateral-json.js';
import { isAbsent, readFileBounded } from './bounded-file.js';
import { DurableFiles, type StepObserver } from './durable-files.js';

/** Files kept; the oldest give way. */
const MAX_FILES = 64;
const MAX_FILE_BYTES = 8 * 1024 * 1024;
/** Names looked at, so that a directory of something else costs nothing. */
const MAX_NAMES = 1024;
const SUFFIX = '.json';
/** A file being written, with the id of the process that writes it. */
const TEMPORARY = /^\.[a-z0-9-]{1,64}\.json\.\d{1,10}\.new$/;
/** Milliseconds after which a file nobody finished is somebody's who died. */
const ABANDONED_MS = 600_000;

/** Collateral on disk, one QuoteCollateralV3 JSON file per `collateralKey`. Nothing read from it is to be trusted. */
export interface CollateralDirectory {
  /** Keys of the files there, at most 64. Removes what dead processes left half-written. */
  keys(): Promise<readonly string[]>;
  /** null when there is no such file. @throws CollateralError COLLATERAL_ANSWER_INVALID for one that is no collateral */
  read(key: string): Promise<QuoteCollateral | null>;
  /** Replaces the file whole or not at all, whatever moment the process dies at; on the disk when it resolves. */
  write(key: string, collateral: QuoteCollateral): Promise<void>;
  remove(key: string): Promise<void>;
}

/** @param observe told of every step of a write */
export function createCollateralDirectory(directory: string, observe?: StepObserver): CollateralDirectory {
  const files = new DurableFiles(observe);
  return {
    async keys() {
      const names = await namesIn(directory);
      await removeAbandoned(directory, names);
      return names.flatMap(keyOf).slice(0, MAX_FILES);
    },
    read: (key) => readCollateral(join(directory, key + SUFFIX)),
    async write(key, collateral) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await files.replace(join(directory, key + SUFFIX), `${collateralJson(collateral)}\n`, 0o644);
      await dropOldest(directory);
    },
    remove: (key) => unlink(join(directory, key + SUFFIX)).catch(ignoreAbsent),
  };
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return (await readdir(directory).catch((error: unknown) => (isAbsent(error) ? [] : Promise.reject(error as Error)))).slice(0, MAX_NAMES);
}

/** The key a file is named for, or nothing. */
function keyOf(name: string): readonly string[] {
  const key = name.endsWith(SUFFIX) ? name.slice(0, -SUFFIX.length) : '';
  return collateralRequestFromKey(key) === null ? [] : [key];
}

async function removeAbandoned(directory: string, names: readonly string[]): Promise<void> {
  for (const name of names.filter((candidate) => TEMPORARY.test(candidate))) {
    const path = join(directory, name);
    const changedMs = await stat(path).then((found) => found.mtimeMs, () => Number.MAX_SAFE_INTEGER);
    if (Date.now() - changedMs > ABANDONED_MS) await unlink(path).catch(ignoreAbsent);
  }
}

async function dropOldest(directory: string): Promise<void> {
  const names = (await namesIn(directory)).filter((name) => keyOf(name).length > 0);
  if (names.length <= MAX_FILES) return;
  const dated = await Promise.all(names.map(async (name) => ({ name, mtimeMs: await stat(join(directory, name)).then((found) => found.mtimeMs, () => 0) })));
  for (const { name } of dated.toSorted((a, b) => b.mtimeMs - a.mtimeMs).slice(MAX_FILES)) await unlink(join(directory, name)).catch(ignoreAbsent);
}

async function readCollateral(path: string): Promise<QuoteCollateral | null> {
  const file = await readFileBounded(path, MAX_FILE_BYTES);
  return file === null ? null : parseCollateralJson(file.toString('utf8'));
}

function ignoreAbsent(error: unknown): void {
  if (!isAbsent(error)) throw error;
}
