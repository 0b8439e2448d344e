import { mkdir, stat } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { describe, expect, test } from 'vitest';
import { loadNative } from '../../src/native/loader.js';
import { expectFailure } from './addon.js';
import { mountDevices } from './fuse/mounted.js';
import { holdLock } from './hold-lock.js';

// What a device that takes longer than the deadline leaves behind: nothing. The waits here are interruptible in the
// kernel, as those of the real drivers are.

const devices = mountDevices('deadlines against slow devices');
const native = loadNative();
const reportData = new Uint8Array(64).fill(9);
const SLOW_MS = 3000;
const DEADLINE_MS = 150;

async function quoteWith(deadlineMs: number): Promise<Uint8Array> {
  const entryPath = devices.path('tsm', 'com.intel.dcap');
  await mkdir(entryPath).catch(() => {});
  return native.tsmQuote({ entryPath, reportData, busyWaitMs: 20, pollIntervalMs: 2, generationWaitMs: 2000, deadlineMs });
}

const OPERATIONS: readonly (readonly [string, (deadlineMs: number) => Promise<unknown>])[] = [
  ['tsmQuote', quoteWith],
  ['tdxReport', (deadlineMs) => native.tdxReport({ devicePath: devices.path('dev', 'tdx_guest'), reportData, deadlineMs })],
  ['nsmRequest', (deadlineMs) => native.nsmRequest({ devicePath: devices.path('dev', 'nsm'), request: Buffer.from('6947657452616e646f6d', 'hex'), deadlineMs })],
];

async function elapsed(work: Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work;
  return performance.now() - began;
}

describe.each(OPERATIONS)('%s on a device slower than the deadline', (_, operate) => {
  test('ends at the deadline, and works again at once', async () => {
    await devices.misbehave({ tsm: { readDelayMs: SLOW_MS }, rtmr: { reportDelayMs: SLOW_MS }, nsm: { delayMs: SLOW_MS } });
    expect(await elapsed(expectFailure(operate(DEADLINE_MS), 'DEVICE_TIMEOUT', null))).toBeLessThan(SLOW_MS / 2);
    await devices.misbehave({});
    expect(await elapsed(operate(10_000))).toBeLessThan(SLOW_MS / 2);
  });

  test('keeps no thread of the pool', async () => {
    await devices.misbehave({ tsm: { readDelayMs: SLOW_MS }, rtmr: { reportDelayMs: SLOW_MS }, nsm: { delayMs: SLOW_MS } });
    await Promise.allSettled(Array.from({ length: 8 }, () => operate(DEADLINE_MS)));
    expect(await elapsed(stat('/'))).toBeLessThan(SLOW_MS / 2);
  });
});

test('a quote given up leaves its lock to others, and the entry to the next quote', async () => {
  await devices.misbehave({ tsm: { readDelayMs: SLOW_MS } });
  await expectFailure(quoteWith(DEADLINE_MS), 'DEVICE_TIMEOUT', null);
  const began = performance.now();
  const release = await holdLock(devices.path('tsm', 'com.intel.dcap', 'inblob'));
  expect(performance.now() - began).toBeLessThan(SLOW_MS / 2);
  await devices.misbehave({});
  const pending = quoteWith(10_000);
  await release();
  await expect(pending).resolves.toBeInstanceOf(Uint8Array);
});
