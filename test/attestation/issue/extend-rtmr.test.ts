import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { extendRtmr, type RtmrOptions } from '../../../src/attestation/issue/extend-rtmr.js';
import type { DeviceExtendRequest, SysfsExtendRequest } from '../../../src/native/binding.js';
import { scratch } from '../../native/addon.js';

const digest = new Uint8Array(48).fill(7);

/** Records which way was taken. */
async function setup(): Promise<{ readonly options: RtmrOptions; readonly calls: (SysfsExtendRequest | DeviceExtendRequest)[]; readonly root: string }> {
  const root = await scratch();
  const calls: (SysfsExtendRequest | DeviceExtendRequest)[] = [];
  const record = async (request: SysfsExtendRequest | DeviceExtendRequest): Promise<null> => {
    calls.push(request);
    return null;
  };
  const native = { sysfsExtendRtmr: record, tdxExtendRtmr: record };
  return { root, calls, options: { native, sysfs: join(root, 'measurements'), sysfsOverride: null, tdxGuest: join(root, 'tdx_guest'), deadlineMs: 100 } };
}

async function addSysfs(folder: string): Promise<void> {
  await mkdir(folder);
  await writeFile(join(folder, 'rtmr3:sha384'), '');
}

describe('extendRtmr', () => {
  test('prefers sysfs', async () => {
    const { options, calls } = await setup();
    await addSysfs(options.sysfs);
    await writeFile(options.tdxGuest, '');
    await extendRtmr(options, 3, digest);
    expect(calls).toEqual([{ directory: options.sysfs, index: 3, digest, deadlineMs: 100 }]);
  });

  test('takes the device where sysfs has no such register', async () => {
    const { options, calls } = await setup();
    await mkdir(options.sysfs);
    await writeFile(options.tdxGuest, '');
    await extendRtmr(options, 3, digest);
    expect(calls).toEqual([{ devicePath: options.tdxGuest, index: 3, digest, deadlineMs: 100 }]);
  });

  test('an override decides, and is never replaced by a default', async () => {
    const { options, calls, root } = await setup();
    await addSysfs(options.sysfs);
    const sysfsOverride = join(root, 'elsewhere');
    await expect(extendRtmr({ ...options, sysfsOverride }, 3, digest)).rejects.toMatchObject({ code: 'DEVICE_ABSENT' });
    await expect(extendRtmr({ ...options, sysfsOverride: 'relative' }, 3, digest)).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
    await expect(extendRtmr({ ...options, sysfsOverride: `/${'x'.repeat(239)}` }, 3, digest)).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
    expect(calls).toEqual([]);
    await addSysfs(sysfsOverride);
    await extendRtmr({ ...options, sysfsOverride }, 3, digest);
    expect(calls).toEqual([{ directory: sysfsOverride, index: 3, digest, deadlineMs: 100 }]);
  });

  test('with neither, there is no device', async () => {
    const { options } = await setup();
    await expect(extendRtmr(options, 3, digest)).rejects.toMatchObject({ code: 'DEVICE_ABSENT' });
  });
});
