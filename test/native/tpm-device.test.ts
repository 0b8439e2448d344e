import { performance } from 'node:perf_hooks';
import { describe, expect, test } from 'vitest';
import type { TpmDevice } from '../../src/native/binding.js';
import { loadNative } from '../../src/native/loader.js';
import { expectFailure } from './addon.js';
import { ECC_TEMPLATE } from './fuse/gcp-tpm.js';
import { mountDevices } from './fuse/mounted.js';
import { ERRNO } from './fuse/nodes.js';
import { withTpm } from './fuse/tpm-client.js';

// What becomes of a command, whatever it says: spec/attestation.md section 1.7 and Linux drivers/char/tpm/tpm-dev-common.c.

const { EBUSY, EINVAL, EIO, ENOENT } = ERRNO;
const devices = mountDevices('/dev/tpmrm0', { tpm: true });
const native = loadNative();
const GET_RANDOM = Buffer.from('80010000000c0000017b0008', 'hex');
const tpm = (): string => devices.path('dev', 'tpmrm0');
const open = (devicePath = tpm()): Promise<TpmDevice> => native.openTpm({ devicePath, deadlineMs: 5000 });

async function withDevice(work: (send: (command: Uint8Array, deadlineMs?: number) => Promise<Uint8Array>) => Promise<void>): Promise<void> {
  const device = await open();
  try {
    await work((command, deadlineMs = 5000) => device.transceive({ command, deadlineMs }));
  } finally {
    await device.close();
  }
}

describe('a command', () => {
  test('that is none of the TPM’s is answered with its response code', () =>
    withDevice(async (send) => {
      expect(Buffer.from(await send(Buffer.from('80010000000a0000ffff', 'hex'))).toString('hex')).toBe('80010000000a00000143');
    }));

  test('whose announced size is not its own is refused by the kernel', () =>
    withDevice(async (send) => {
      await expectFailure(send(Buffer.from('80010000000d0000017b0008', 'hex')), 'DEVICE_FAILED', EINVAL);
      expect(await send(GET_RANDOM)).toHaveLength(20);
    }));

  test.each([
    ['written', { writeErrnos: [EIO] }],
    ['read', { readErrnos: [EIO] }],
  ])('that fails as it is %s is not sent again, and the next one works', (_, faults) =>
    withDevice(async (send) => {
      await devices.misbehave({ tpm: faults });
      await expectFailure(send(GET_RANDOM), 'DEVICE_FAILED', EIO);
      await devices.misbehave({});
      expect(await send(GET_RANDOM)).toHaveLength(20);
    }),
  );

  test('refused as busy until the deadline is a busy device', () =>
    withDevice(async (send) => {
      await devices.misbehave({ tpm: { writeErrnos: Array.from({ length: 1000 }, () => EBUSY) } });
      await expectFailure(send(GET_RANDOM, 300), 'DEVICE_BUSY', EBUSY);
    }));

  test('that takes long holds up no event loop', () =>
    withDevice(async (send) => {
      await devices.misbehave({ tpm: { delayMs: 500 } });
      let ticks = 0;
      const timer = setInterval(() => void ticks++, 10);
      const began = performance.now();
      await send(GET_RANDOM);
      clearInterval(timer);
      expect(performance.now() - began).toBeGreaterThanOrEqual(490);
      expect(ticks).toBeGreaterThan(10);
    }));
});

describe('the device file', () => {
  test('keeps what was loaded through it until it is closed, and no longer', async () => {
    const size = (length: number): string => length.toString(16).padStart(4, '0');
    // TPM2_CreatePrimary under the endorsement hierarchy with an empty password.
    const parameters = `000400000000${size(ECC_TEMPLATE.length)}${ECC_TEMPLATE.toString('hex')}000000000000`;
    const command = Buffer.from(`800200000000000001314000000b00000009400000090000000000${parameters}`, 'hex');
    command.writeUInt32BE(command.length, 2);
    await withDevice(async (send) => {
      expect(Buffer.from(await send(command, 10_000)).readUInt32BE(6)).toBe(0);
      expect((await devices.seen()).tpmLeaked).toBe(0);
    });
    expect((await devices.seen()).tpmLeaked).toBe(1);
    expect(await withTpm(tpm(), (client) => client.loaded())).toEqual([]);
  });

  test('that is not there is an absent device', () => expectFailure(open('/nowhere/tpmrm0'), 'DEVICE_ABSENT', ENOENT));
});
