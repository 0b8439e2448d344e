import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { describe, expect, test, vi } from 'vitest';
import type { TsmQuoteRequest } from '../../src/native/binding.js';
import { loadNative } from '../../src/native/loader.js';
import { expectFailure, scratch } from './addon.js';
import { holdLock } from './hold-lock.js';
import { makeEntry, serveEntry } from './tsm-entry.js';

// Plain files stand in for configfs here, and a plain file never answers EBUSY: that part of the procedure is
// tested in kernel-shim.test.ts, where the C library's calls are replaced.

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

  test('accepts a provider name that continues after tdx_guest', async () => {
    await expect(native.tsmQuote(request(await serveEntry({ provider: 'tdx_guest_v2' })))).resolves.toHaveLength(2048);
  });

  test.each([1021, 8191])('accepts a quote of %i bytes', async (quoteBytes) => {
    await expect(native.tsmQuote(request(await serveEntry({ quoteBytes })))).resolves.toHaveLength(quoteBytes);
  });

  test.each([0, 1, 1020, 8192, 20_000])('refuses an outblob of %i bytes', async (quoteBytes) => {
    await expectFailure(native.tsmQuote(request(await serveEntry({ quoteBytes }))), 'DEVICE_FAILED', null);
  });

  test.each(['sev_guest\n', '', 'my_tdx_guest'])('refuses the provider %j without touching inblob', async (provider) => {
    const entry = await serveEntry({ provider });
    await expectFailure(native.tsmQuote(request(entry)), 'DEVICE_FAILED', null);
    expect(await readFile(join(entry, 'inblob'))).toHaveLength(0);
  });

  test.each([2, -1, 100])('a generation that moves by %i belongs to somebody else: busy', async (step) => {
    await expectFailure(native.tsmQuote(request(await serveEntry({ step }))), 'DEVICE_BUSY', null);
  });

  test.each(['', 'seven', '7 8', '0x7', '9223372036854775808'])('refuses the generation %j', async (generation) => {
    const entry = await makeEntry(join(await scratch(), 'entry'), { generation });
    await expectFailure(native.tsmQuote(request(entry)), 'DEVICE_FAILED', null);
  });

  test('gives up when the generation does not move', async () => {
    const entry = await makeEntry(join(await scratch(), 'entry'));
    const began = performance.now();
    await expectFailure(native.tsmQuote(request(entry, { generationWaitMs: 60 })), 'DEVICE_TIMEOUT', null);
    expect(performance.now() - began).toBeGreaterThanOrEqual(55);
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
    const pending = native.tsmQuote(request(entry));
    await vi.waitFor(async () => expect(await readFile(join(entry, 'inblob'))).toHaveLength(64));
    await writeFile(join(entry, 'generation.next'), '8');
    await rename(join(entry, 'generation.next'), join(entry, 'generation'));
    await expectFailure(pending, 'DEVICE_ABSENT', 2);
  });

  test('waits for a process that holds the lock on inblob, then goes on', async () => {
    const entry = await serveEntry();
    const release = await holdLock(join(entry, 'inblob'));
    const pending = native.tsmQuote(request(entry));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await readFile(join(entry, 'inblob'))).toHaveLength(0);
    await release();
    await expect(pending).resolves.toHaveLength(2048);
  });

  test('a lock that outlasts the deadline is a busy device', async () => {
    const entry = await serveEntry();
    await holdLock(join(entry, 'inblob'));
    await expectFailure(native.tsmQuote(request(entry, { deadlineMs: 60 })), 'DEVICE_BUSY', 11);
    expect(await readFile(join(entry, 'inblob'))).toHaveLength(0);
  });

  test('a slow quote does not hold up the event loop', async () => {
    const entry = await serveEntry({ delayMs: 500 });
    let longest = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 5);
    const began = performance.now();
    await native.tsmQuote(request(entry));
    clearInterval(timer);
    expect(performance.now() - began).toBeGreaterThanOrEqual(490);
    expect(longest).toBeLessThan(250);
  });
});
