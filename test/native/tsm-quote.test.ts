import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { describe, expect, test, vi } from 'vitest';
import type { TsmQuoteRequest } from '../../src/native/binding.js';
import { loadNative } from '../../src/native/loader.js';
import { expectFailure, scratch } from './addon.js';
import { makeEntry, serveEntry } from './tsm-entry.js';

// Plain files stand in for configfs here: what needs a kernel that answers is tested in configfs-tsm.test.ts.

const native = loadNative();
const reportData = Uint8Array.from({ length: 64 }, (_, i) => i + 1);

function request(entryPath: string, changes: Partial<TsmQuoteRequest> = {}): TsmQuoteRequest {
  return { entryPath, reportData, busyWaitMs: 5, pollIntervalMs: 2, generationWaitMs: 2000, deadlineMs: 5000, ...changes };
}

describe('tsmQuote', () => {
  test('writes the 64 bytes as they are and returns the quote the entry then holds', async () => {
    const entry = await serveEntry({ quoteBytes: 5000 });
    const quote = await native.tsmQuote(request(entry));
    expect(quote.constructor).toBe(Uint8Array);
    expect(quote).toHaveLength(5000);
    expect(Buffer.from(quote.subarray(0, 64))).toEqual(Buffer.from(reportData));
    expect(await readFile(join(entry, 'generation'), 'utf8')).toBe('8\n');
  });

  test('copies its arguments before it returns', async () => {
    const entry = await serveEntry({ delayMs: 30 });
    const mutable = Uint8Array.from(reportData);
    const pending = native.tsmQuote(request(entry, { reportData: mutable }));
    mutable.fill(0xff);
    expect(Buffer.from((await pending).subarray(0, 64))).toEqual(Buffer.from(reportData));
  });

  test('the deadline ends the wait for the generation early', async () => {
    const entry = await makeEntry(join(await scratch(), 'entry'));
    const began = performance.now();
    await expectFailure(native.tsmQuote(request(entry, { generationWaitMs: 60_000, pollIntervalMs: 60_000, deadlineMs: 60 })), 'DEVICE_TIMEOUT', null);
    expect(performance.now() - began).toBeLessThan(2000);
  });

  test('an entry that is not there is an absent device', async () => {
    await expectFailure(native.tsmQuote(request(join(await scratch(), 'none'))), 'DEVICE_ABSENT', 2);
  });

  test.each(['inblob', 'generation', 'provider'])('an entry without %s is an absent device', async (name) => {
    const entry = await makeEntry(join(await scratch(), 'entry'));
    await rm(join(entry, name));
    await expectFailure(native.tsmQuote(request(entry)), 'DEVICE_ABSENT', 2);
  });

  test('an entry without outblob is an absent device', async () => {
    const entry = await makeEntry(join(await scratch(), 'entry'));
    await rm(join(entry, 'outblob'));
    // Expected from the start: it may fail while the new generation is still being put in place.
    const failed = expectFailure(native.tsmQuote(request(entry)), 'DEVICE_ABSENT', 2);
    await vi.waitFor(async () => expect(await readFile(join(entry, 'inblob'))).toHaveLength(64));
    await writeFile(join(entry, 'generation.next'), '8');
    await rename(join(entry, 'generation.next'), join(entry, 'generation'));
    await failed;
  });
});
