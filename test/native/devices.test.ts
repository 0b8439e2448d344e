import { mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadNative } from '../../src/native/loader.js';
import { expectFailure, scratch } from './addon.js';

const native = loadNative();
const ENOTTY = 25;
const EISDIR = 21;
const ENOSPC = 28;
const deadlineMs = 2000;
const digest = Uint8Array.from({ length: 48 }, (_, i) => 0xa0 + i);

// A device without the request stands in for the real ones, which this test cannot count on.
describe('ioctl on a device that knows no such request', () => {
  test('a report fails', () => expectFailure(native.tdxReport({ devicePath: '/dev/null', reportData: new Uint8Array(64), deadlineMs }), 'DEVICE_FAILED', ENOTTY));
  test('an extension fails', () => expectFailure(native.tdxExtendRtmr({ devicePath: '/dev/null', index: 3, digest, deadlineMs }), 'DEVICE_FAILED', ENOTTY));
  test('an NSM request fails', () => expectFailure(native.nsmRequest({ devicePath: '/dev/null', request: Uint8Array.of(1), deadlineMs }), 'DEVICE_FAILED', ENOTTY));
  test('a directory cannot be opened as a device', () => expectFailure(native.nsmRequest({ devicePath: '/dev', request: Uint8Array.of(1), deadlineMs }), 'DEVICE_FAILED', EISDIR));
});

describe('sysfsExtendRtmr', () => {
  test('writes the 48 raw bytes to the register’s own file', async () => {
    const directory = await scratch();
    await writeFile(join(directory, 'rtmr2:sha384'), '');
    await writeFile(join(directory, 'rtmr3:sha384'), '');
    await expect(native.sysfsExtendRtmr({ directory, index: 3, digest, deadlineMs })).resolves.toBeNull();
    expect(await readFile(join(directory, 'rtmr3:sha384'))).toEqual(Buffer.from(digest));
    expect(await readFile(join(directory, 'rtmr2:sha384'))).toHaveLength(0);
  });

  test('creates nothing', async () => {
    const directory = await scratch();
    await expectFailure(native.sysfsExtendRtmr({ directory, index: 3, digest, deadlineMs }), 'DEVICE_ABSENT', 2);
    expect(await readdir(directory)).toEqual([]);
  });

  test('a register that is no file fails', async () => {
    const directory = await scratch();
    await mkdir(join(directory, 'rtmr3:sha384'));
    await expectFailure(native.sysfsExtendRtmr({ directory, index: 3, digest, deadlineMs }), 'DEVICE_FAILED', EISDIR);
  });

  test('a write the kernel refuses fails', async () => {
    const directory = await scratch();
    await symlink('/dev/full', join(directory, 'rtmr3:sha384'));
    await expectFailure(native.sysfsExtendRtmr({ directory, index: 3, digest, deadlineMs }), 'DEVICE_FAILED', ENOSPC);
  });
});
