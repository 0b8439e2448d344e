import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { scratch } from './addon.js';

export interface FakeTsm {
  readonly provider?: string;
  readonly generation?: string;
  readonly quoteBytes?: number;
  readonly step?: number;
  readonly delayMs?: number;
  /** Path of a version 4 quote to answer with, the report data put in. */
  readonly template?: string;
}

/** A directory of plain files in the shape of a configfs-tsm entry, with nobody behind it. */
export async function makeEntry(path: string, { provider = 'tdx_guest\n', generation = '7\n' }: FakeTsm = {}): Promise<string> {
  await mkdir(path, { recursive: true });
  await writeFile(join(path, 'provider'), provider);
  await writeFile(join(path, 'generation'), generation);
  await writeFile(join(path, 'inblob'), '');
  await writeFile(join(path, 'outblob'), '');
  return path;
}

/** An entry with a process behind it that answers as the kernel would. */
export async function serveEntry(options: FakeTsm = {}, path: string | null = null): Promise<string> {
  const entry = await makeEntry(path ?? join(await scratch(), 'entry'), options);
  const script = fileURLToPath(new URL('fake-tsm.mjs', import.meta.url));
  const args = [script, entry, String(options.quoteBytes ?? 2048), String(options.step ?? 1), String(options.delayMs ?? 0), ...(options.template === undefined ? [] : [options.template])];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(async () => {
    const closed = new Promise((resolve) => child.once('close', resolve));
    child.stdin.end();
    await closed;
  });
  await new Promise<void>((resolve, reject) => child.stdout.once('data', () => resolve()).once('end', () => reject(new Error('fake-tsm.mjs ended'))));
  return entry;
}
