import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { loadNative } from '../../src/native/loader.js';
import { expectFailure } from './addon.js';
import { mountDevices } from './fuse/mounted.js';
import { ERRNO } from './fuse/nodes.js';

// spec/attestation.md sections 1.2 and 1.4: ioctls and register files, from the addon through the kernel to a trust domain.

const { EACCES, EBUSY, EINTR, EINVAL, EIO, ENOSPC, ENOTTY, ETIMEDOUT } = ERRNO;
const devices = mountDevices('/dev/tdx_guest ioctls and RTMR sysfs');
const native = loadNative();
const digest = Uint8Array.from({ length: 48 }, (_, i) => 0xd0 + i);
const reportData = Uint8Array.from({ length: 64 }, (_, i) => i + 7);
const deadlineMs = 5000;
const RTMRS_OFFSET = 512 + 8 + 8 + 4 * 48;

const device = (): string => devices.path('dev', 'tdx_guest');
const byIoctl = (index: number, what = digest): Promise<null> => native.tdxExtendRtmr({ devicePath: device(), index, digest: what, deadlineMs });
const byFile = (index: number, what = digest): Promise<null> => native.sysfsExtendRtmr({ directory: devices.path('measurements'), index, digest: what, deadlineMs });
const report = (): Promise<Uint8Array> => native.tdxReport({ devicePath: device(), reportData, deadlineMs });

const extended = (register: Uint8Array, what: Uint8Array): Buffer => createHash('sha384').update(register).update(what).digest();

/** RTMR0 to RTMR3 as the trust domain has them. */
async function registers(): Promise<readonly Buffer[]> {
  return (await devices.seen()).rtmrs.map((register) => Buffer.from(register));
}

describe('a TDREPORT', () => {
  test('is about the 64 bytes and about the registers as they are', async () => {
    const bytes = Buffer.from(await report());
    expect(bytes).toHaveLength(1024);
    expect(bytes.subarray(128, 192)).toEqual(Buffer.from(reportData));
    expect(bytes.subarray(RTMRS_OFFSET, RTMRS_OFFSET + 192)).toEqual(Buffer.concat(await registers()));
    await byIoctl(3);
    expect(Buffer.from(await report()).subarray(RTMRS_OFFSET, RTMRS_OFFSET + 192)).toEqual(Buffer.concat(await registers()));
  });

  test('is asked for again while the device is busy', async () => {
    await devices.misbehave({ rtmr: { reportErrnos: [EBUSY, EBUSY] } });
    await expect(report()).resolves.toHaveLength(1024);
  });

  test.each([
    [EINVAL, 'DEVICE_FAILED'],
    [EINTR, 'DEVICE_FAILED'],
    [EIO, 'DEVICE_FAILED'],
    [ETIMEDOUT, 'DEVICE_TIMEOUT'],
  ])('refused with errno %i is %s', async (errno, code) => {
    await devices.misbehave({ rtmr: { reportErrnos: [errno] } });
    await expectFailure(report(), code, errno);
  });
});

describe.each([
  ['the ioctl', byIoctl],
  ['the register’s file', byFile],
])('extending through %s', (_, extend) => {
  test.each([2, 3])('RTMR%i becomes SHA384(register ‖ digest), and no other changes', async (index) => {
    const before = await registers();
    await expect(extend(index)).resolves.toBeNull();
    const second = digest.toReversed();
    await extend(index, second);
    const expected = before.map((register, i) => (i === index ? extended(extended(register, digest), second) : register));
    expect(await registers()).toEqual(expected);
    expect(await readFile(devices.path('measurements', `rtmr${index}:sha384`))).toEqual(expected[index]);
  });

  test('is asked for again while busy, and extends once', async () => {
    const before = await registers();
    await devices.misbehave({ rtmr: { extendErrnos: [EBUSY, EBUSY] } });
    await extend(3);
    expect((await registers())[3]).toEqual(extended(before[3] ?? Buffer.alloc(0), digest));
  });

  test.each([EINVAL, EINTR, EIO, ENOSPC])('refused with errno %i extends nothing and is not tried again', async (errno) => {
    const before = await registers();
    await devices.misbehave({ rtmr: { extendErrnos: [errno] } });
    await expectFailure(extend(3), 'DEVICE_FAILED', errno);
    expect(await registers()).toEqual(before);
  });
});

describe('a register of the firmware', () => {
  test.each([0, 1])('RTMR%i cannot be extended', async (index) => {
    const before = await registers();
    await expectFailure(byIoctl(index), 'DEVICE_FAILED', EINVAL);
    await expectFailure(byFile(index), 'DEVICE_FAILED', EACCES);
    expect(await registers()).toEqual(before);
  });
});

test('a device busy until the deadline is a busy device', async () => {
  await devices.misbehave({ rtmr: { extendErrnos: Array.from({ length: 1000 }, () => EBUSY) } });
  await expectFailure(native.tdxExtendRtmr({ devicePath: device(), index: 3, digest, deadlineMs: 300 }), 'DEVICE_BUSY', EBUSY);
  await expectFailure(native.sysfsExtendRtmr({ directory: devices.path('measurements'), index: 3, digest, deadlineMs: 300 }), 'DEVICE_BUSY', EBUSY);
});

test('a digest that is not taken whole is an error', async () => {
  await devices.misbehave({ rtmr: { writeTakes: 47 } });
  await expectFailure(byFile(3), 'DEVICE_FAILED', null);
});

test('a device of another kind knows no such request', async () => {
  await expectFailure(native.tdxReport({ devicePath: devices.path('dev', 'nsm'), reportData, deadlineMs }), 'DEVICE_FAILED', ENOTTY);
});
