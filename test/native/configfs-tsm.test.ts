import { mkdir, readFile, readdir, rmdir } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { describe, expect, test, vi } from 'vitest';
import { parseQuote } from '../../src/attestation/tdx/quote.js';
import type { TsmQuoteRequest } from '../../src/native/binding.js';
import { loadNative } from '../../src/native/loader.js';
import { expectFailure } from './addon.js';
import { callElsewhere } from './call-elsewhere.js';
import { mountDevices } from './fuse/mounted.js';
import { ERRNO } from './fuse/nodes.js';
import { holdLock } from './hold-lock.js';

// spec/attestation.md sections 1.1 and 1.5, from the addon through the kernel to a directory that behaves as configfs-tsm does.

const { EBUSY, EINTR, EINVAL, EIO, ENOSPC, ETIMEDOUT } = ERRNO;
const devices = mountDevices('configfs-tsm: quotes');
const native = loadNative();
const reportData = Uint8Array.from({ length: 64 }, (_, i) => 255 - i);
const reportHex = Buffer.from(reportData).toString('hex');

/** A new entry, as the kernel makes it at mkdir(2). */
async function makeEntry(): Promise<string> {
  const entry = devices.path('tsm', 'com.intel.dcap');
  await mkdir(entry);
  return entry;
}

function quote(entryPath: string, changes: Partial<TsmQuoteRequest> = {}): Promise<Uint8Array> {
  return native.tsmQuote({ entryPath, reportData, busyWaitMs: 20, pollIntervalMs: 2, generationWaitMs: 2000, deadlineMs: 10_000, ...changes });
}

async function timed(pending: Promise<unknown>): Promise<number> {
  const began = performance.now();
  await pending;
  return performance.now() - began;
}

describe('a configfs-tsm entry', () => {
  test('is whole as soon as the directory is made, and shows nothing before it was asked', async () => {
    const entry = await makeEntry();
    expect((await readdir(entry)).sort()).toEqual(['generation', 'inblob', 'outblob', 'provider']);
    expect(await readFile(`${entry}/provider`, 'utf8')).toBe('tdx_guest\n');
    await expect(readFile(`${entry}/outblob`)).rejects.toMatchObject({ code: 'EINVAL' });
    await rmdir(entry);
    expect(await readdir(devices.path('tsm'))).toEqual([]);
  });

  test('gives a quote over the 64 bytes, written once and read once', async () => {
    const entry = await makeEntry();
    const bytes = await quote(entry);
    const { report } = parseQuote(bytes);
    expect(Buffer.from(report.reportData).toString('hex')).toBe(reportHex);
    expect(await devices.seen()).toMatchObject({ inblobs: [reportHex], reads: 1 });
    expect(await readFile(`${entry}/generation`, 'utf8')).toBe('1\n');
    await quote(entry);
    expect(await readFile(`${entry}/generation`, 'utf8')).toBe('2\n');
  });

  test('that is not there is an absent device', () => expectFailure(quote(devices.path('tsm', 'none')), 'DEVICE_ABSENT', ERRNO.ENOENT));
});

describe('the provider', () => {
  test.each(['sev_guest', '', 'my_tdx_guest'])('%j is refused before anything is written', async (provider) => {
    const entry = await makeEntry();
    await devices.misbehave({ tsm: { provider } });
    await expectFailure(quote(entry), 'DEVICE_FAILED', null);
    expect((await devices.seen()).inblobs).toEqual([]);
  });

  test('may go on after tdx_guest', async () => {
    const entry = await makeEntry();
    await devices.misbehave({ tsm: { provider: 'tdx_guest_v2' } });
    await expect(quote(entry)).resolves.toBeInstanceOf(Uint8Array);
  });
});

describe('a write of inblob', () => {
  test.each([
    ['at the write', { writeErrnos: [EBUSY, EBUSY] }],
    ['at the close', { closeErrnos: [EBUSY, EBUSY] }],
  ])('refused twice as busy %s is tried again after each pause', async (_, tsm) => {
    const entry = await makeEntry();
    await devices.misbehave({ tsm });
    expect(await timed(quote(entry))).toBeGreaterThanOrEqual(40);
    expect((await devices.seen()).inblobs).toEqual([reportHex]);
  });

  test('refused three times as busy is final', async () => {
    const entry = await makeEntry();
    await devices.misbehave({ tsm: { writeErrnos: [EBUSY, EBUSY, EBUSY] } });
    await expectFailure(quote(entry), 'DEVICE_BUSY', EBUSY);
    expect((await devices.seen()).inblobs).toEqual([]);
  });

  test.each([EINVAL, EIO, ENOSPC, EINTR])('that fails with errno %i is final at once', async (errno) => {
    const entry = await makeEntry();
    await devices.misbehave({ tsm: { writeErrnos: [errno] } });
    await expectFailure(quote(entry), 'DEVICE_FAILED', errno);
    expect((await devices.seen()).inblobs).toEqual([]);
  });

  test.each([0, 63])('of which %i bytes were taken fails', async (writeTakes) => {
    const entry = await makeEntry();
    await devices.misbehave({ tsm: { writeTakes } });
    await expectFailure(quote(entry), 'DEVICE_FAILED', null);
  });

  test('the deadline ends the pause between tries', async () => {
    const entry = await makeEntry();
    await devices.misbehave({ tsm: { writeErrnos: [EBUSY] } });
    expect(await timed(expectFailure(quote(entry, { busyWaitMs: 60_000, deadlineMs: 80 }), 'DEVICE_TIMEOUT', null))).toBeLessThan(5000);
  });
});

describe('the generation', () => {
  test('may take its time to move', async () => {
    const entry = await makeEntry();
    await devices.misbehave({ tsm: { generationDelayMs: 150 } });
    expect(await timed(quote(entry))).toBeGreaterThanOrEqual(140);
  });

  test('that stays where it was ends the wait', async () => {
    const entry = await makeEntry();
    await devices.misbehave({ tsm: { generationStep: 0 } });
    expect(await timed(expectFailure(quote(entry, { generationWaitMs: 60 }), 'DEVICE_TIMEOUT', null))).toBeGreaterThanOrEqual(55);
    expect((await devices.seen()).reads).toBe(0);
  });

  test.each([2, -1, 7])('that moves by %i belongs to somebody else as well: busy', async (generationStep) => {
    const entry = await makeEntry();
    await devices.misbehave({ tsm: { generationStep } });
    await expectFailure(quote(entry), 'DEVICE_BUSY', null);
    expect((await devices.seen()).reads).toBe(0);
  });

  test('that moves while the quote is read makes the quote worthless', async () => {
    const entry = await makeEntry();
    await devices.misbehave({ tsm: { generationStepOnRead: 1 } });
    await expectFailure(quote(entry), 'DEVICE_BUSY', null);
  });

  test.each(['', 'seven', '1 2', '0x7', '9223372036854775808'])('%j is no number', async (generationText) => {
    const entry = await makeEntry();
    await devices.misbehave({ tsm: { generationText } });
    await expectFailure(quote(entry), 'DEVICE_FAILED', null);
    expect((await devices.seen()).inblobs).toEqual([]);
  });
});

describe('a read of outblob', () => {
  test.each([EBUSY, EINTR, ETIMEDOUT])('that fails with errno %i twice is tried again after each pause', async (errno) => {
    const entry = await makeEntry();
    await devices.misbehave({ tsm: { readErrnos: [errno, errno] } });
    expect(await timed(quote(entry))).toBeGreaterThanOrEqual(40);
    expect(await devices.seen()).toMatchObject({ inblobs: [reportHex], reads: 3 });
  });

  test.each([
    [EBUSY, 'DEVICE_BUSY'],
    [EINTR, 'DEVICE_FAILED'],
    [ETIMEDOUT, 'DEVICE_TIMEOUT'],
  ])('that fails with errno %i three times is %s', async (errno, code) => {
    const entry = await makeEntry();
    await devices.misbehave({ tsm: { readErrnos: [errno, errno, errno] } });
    await expectFailure(quote(entry), code, errno);
    expect((await devices.seen()).reads).toBe(3);
  });

  test.each([EIO, EINVAL])('that fails with errno %i is final at once', async (errno) => {
    const entry = await makeEntry();
    await devices.misbehave({ tsm: { readErrnos: [errno] } });
    await expectFailure(quote(entry), 'DEVICE_FAILED', errno);
    expect((await devices.seen()).reads).toBe(1);
  });

  test.each([1021, 8191])('of %i bytes is a quote', async (blobBytes) => {
    const entry = await makeEntry();
    await devices.misbehave({ tsm: { blobBytes } });
    await expect(quote(entry)).resolves.toHaveLength(blobBytes);
  });

  test.each([0, 1, 1020, 8192, 20_000])('of %i bytes is none', async (blobBytes) => {
    const entry = await makeEntry();
    await devices.misbehave({ tsm: { blobBytes } });
    await expectFailure(quote(entry), 'DEVICE_FAILED', null);
  });

  test('cut short is not put together from several reads', async () => {
    const entry = await makeEntry();
    await devices.misbehave({ tsm: { readGives: 1000 } });
    await expectFailure(quote(entry), 'DEVICE_FAILED', null);
    expect((await devices.seen()).reads).toBe(1);
  });

  test('that takes long does not hold up the event loop', async () => {
    const entry = await makeEntry();
    await devices.misbehave({ tsm: { readDelayMs: 1000 } });
    let ticks = 0;
    const timer = setInterval(() => void ticks++, 10);
    expect(await timed(quote(entry))).toBeGreaterThanOrEqual(990);
    clearInterval(timer);
    // One hundred on an idle machine; none if the loop waited.
    expect(ticks).toBeGreaterThan(20);
  });
});

describe('the lock on inblob', () => {
  test('of another process is waited for; nothing is written before', async () => {
    const entry = await makeEntry();
    const release = await holdLock(`${entry}/inblob`);
    const pending = quote(entry);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect((await devices.seen()).inblobs).toEqual([]);
    await release();
    await pending;
    expect((await devices.seen()).inblobs).toEqual([reportHex]);
  });

  test('that outlasts the deadline is a busy device', async () => {
    const entry = await makeEntry();
    await holdLock(`${entry}/inblob`);
    await expectFailure(quote(entry, { deadlineMs: 300 }), 'DEVICE_BUSY', 11);
    expect((await devices.seen()).inblobs).toEqual([]);
  });

  test('is held until the quote is read, and free after success and after failure', async () => {
    const entry = await makeEntry();
    await devices.misbehave({ tsm: { readDelayMs: 1000 } });
    const locked = async (): Promise<boolean> => native.lockFile({ path: `${entry}/inblob`, pollIntervalMs: 1, deadlineMs: 100 }).then((lock) => (lock.release(), false), () => true);
    const pending = quote(entry);
    await vi.waitFor(async () => expect(await locked()).toBe(true), { timeout: 900, interval: 10 });
    await pending;
    expect(await locked()).toBe(false);
    await devices.misbehave({ tsm: { readErrnos: [EIO] } });
    await expectFailure(quote(entry), 'DEVICE_FAILED', EIO);
    expect(await locked()).toBe(false);
  });

  test('keeps processes that quote at the same time apart', async () => {
    const entry = await makeEntry();
    await devices.misbehave({ tsm: { readDelayMs: 30 } });
    const asked = Array.from({ length: 4 }, (_, i) => new Uint8Array(64).fill(0xf0 + i));
    const options = { entryPath: entry, busyWaitMs: 20, pollIntervalMs: 2, generationWaitMs: 2000, deadlineMs: 15_000 };
    const outcomes = await Promise.all(asked.map((data) => callElsewhere('tsmQuote', { ...options, reportData: { hex: Buffer.from(data).toString('hex') } })));
    const quoted = outcomes.map(({ value }) => Buffer.from(parseQuote(Buffer.from(String(value), 'hex')).report.reportData));
    expect(quoted).toEqual(asked.map((data) => Buffer.from(data)));
    expect(await readFile(`${entry}/generation`, 'utf8')).toBe('4\n');
  });

  test('keeps quotes asked for at the same time apart', async () => {
    const entry = await makeEntry();
    await devices.misbehave({ tsm: { readDelayMs: 20 } });
    const asked = Array.from({ length: 6 }, (_, i) => new Uint8Array(64).fill(i + 1));
    const quotes = await Promise.all(asked.map((data) => quote(entry, { reportData: data })));
    expect(quotes.map((bytes) => Buffer.from(parseQuote(bytes).report.reportData))).toEqual(asked.map((data) => Buffer.from(data)));
  });
});
