import { createHash } from 'node:crypto';
import { decode } from 'cborg';
import { describe, expect, test } from 'vitest';
import { encodeNsmCommand, type NsmCommand } from '../../src/attestation/issue/nsm-message.js';
import { developmentPcrs } from '../../src/simulator/nitro-platform.js';
import { loadNative } from '../../src/native/loader.js';
import { expectFailure } from './addon.js';
import { imageHash } from './fuse/machine.js';
import { mountDevices } from './fuse/mounted.js';
import { ERRNO } from './fuse/nodes.js';

// spec/attestation.md section 1.6, from this project's messages through the kernel to a module that reads them with a decoder of its own.

const { EBUSY, EINTR, EINVAL, EIO, EMSGSIZE, ENOTTY, ETIMEDOUT } = ERRNO;
const devices = mountDevices('/dev/nsm ioctl');
const native = loadNative();

const send = (request: Uint8Array, deadlineMs = 5000): Promise<Uint8Array> => native.nsmRequest({ devicePath: devices.path('dev', 'nsm'), request, deadlineMs });
const ask = async (command: NsmCommand): Promise<unknown> => decode(await send(encodeNsmCommand(command)));
const describeNsm = encodeNsmCommand({ kind: 'DescribeNSM' });

describe('a request to the module', () => {
  test('DescribeNSM', async () => {
    const locked = Array.from({ length: 16 }, (_, i) => i);
    expect(await ask({ kind: 'DescribeNSM' })).toMatchObject({ DescribeNSM: { version_major: 1, max_pcrs: 32, digest: 'SHA384', locked_pcrs: locked } });
  });

  test('GetRandom', async () => {
    const random = async (): Promise<Uint8Array> => ((await ask({ kind: 'GetRandom' })) as { readonly GetRandom: { readonly random: Uint8Array } }).GetRandom.random;
    const first = await random();
    expect(first).toHaveLength(64);
    expect(await random()).not.toEqual(first);
  });

  test('DescribePCR', async () => {
    const pcrs = developmentPcrs(imageHash);
    expect(await ask({ kind: 'DescribePCR', index: 0 })).toEqual({ DescribePCR: { lock: true, data: pcrs[0] } });
    expect(await ask({ kind: 'DescribePCR', index: 16 })).toEqual({ DescribePCR: { lock: false, data: new Uint8Array(48) } });
    expect(await ask({ kind: 'DescribePCR', index: 32 })).toEqual({ Error: 'InvalidIndex' });
  });

  test('ExtendPCR takes data of any length as it is', async () => {
    let value: Uint8Array = new Uint8Array(48);
    for (const length of [1, 48, 300]) {
      const data = new Uint8Array(length).fill(length);
      value = Uint8Array.from(createHash('sha384').update(value).update(data).digest());
      expect(await ask({ kind: 'ExtendPCR', index: 20, data })).toEqual({ ExtendPCR: { data: value } });
    }
    expect(await ask({ kind: 'ExtendPCR', index: 3, data: Uint8Array.of(1) })).toEqual({ Error: 'ReadOnlyIndex' });
  });

  test('LockPCR locks one register, LockPCRs those below its range', async () => {
    expect(await ask({ kind: 'LockPCR', index: 20 })).toBe('LockPCR');
    expect(await ask({ kind: 'LockPCR', index: 20 })).toEqual({ Error: 'ReadOnlyIndex' });
    expect(await ask({ kind: 'LockPCRs', range: 18 })).toBe('LockPCRs');
    const locked = [];
    for (let index = 0; index < 32; index++) {
      const answer = (await ask({ kind: 'DescribePCR', index })) as { readonly DescribePCR: { readonly lock: boolean } };
      if (answer.DescribePCR.lock) locked.push(index);
    }
    expect(locked).toEqual([...Array.from({ length: 18 }, (_, i) => i), 20]);
  });

  test('Attestation carries its three arguments', async () => {
    const argument = (length: number): Uint8Array => new Uint8Array(length).fill(length & 0xff);
    const given = { userData: argument(512), nonce: argument(500), publicKey: argument(1024) };
    const answer = (await ask({ kind: 'Attestation', ...given })) as { readonly Attestation: { readonly document: Uint8Array } };
    const [, , payload] = decode(answer.Attestation.document) as [unknown, unknown, Uint8Array];
    const contents = decode(payload, { useMaps: true }) as ReadonlyMap<string, unknown>;
    expect(contents.get('user_data')).toEqual(given.userData);
    expect(contents.get('nonce')).toEqual(given.nonce);
    expect(contents.get('public_key')).toEqual(given.publicKey);
  });

  test('of the largest size arrives whole', async () => {
    // A text of the length that fills the request; the module knows no command of that name.
    const name = Buffer.alloc(4093, 'x');
    expect(decode(await send(Buffer.concat([Uint8Array.of(0x79, 0x0f, 0xfd), name])))).toEqual({ Error: 'InvalidOperation' });
  });
});

describe('what the driver answers', () => {
  test('up to the size of its buffer is whole', async () => {
    const answer = new Uint8Array(0x3000).fill(0x5a);
    await devices.misbehave({ nsm: { answer } });
    expect(await send(describeNsm)).toEqual(answer);
  });

  test('goes by the length written back', async () => {
    await devices.misbehave({ nsm: { answer: Uint8Array.of(1, 2, 3, 4), length: 3n } });
    expect(await send(describeNsm)).toEqual(Uint8Array.of(1, 2, 3));
  });

  test.each([0n, 0x3001n, 2n ** 64n - 1n])('with a length of %i is refused', async (length) => {
    await devices.misbehave({ nsm: { length } });
    await expectFailure(send(describeNsm), 'DEVICE_FAILED', null);
  });

  test('EBUSY is asked again', async () => {
    await devices.misbehave({ nsm: { errnos: [EBUSY, EBUSY] } });
    await expect(send(describeNsm)).resolves.toBeInstanceOf(Uint8Array);
  });

  test.each([
    [EMSGSIZE, 'DEVICE_FAILED'],
    [EINVAL, 'DEVICE_FAILED'],
    [EINTR, 'DEVICE_FAILED'],
    [EIO, 'DEVICE_FAILED'],
    [ETIMEDOUT, 'DEVICE_TIMEOUT'],
  ])('errno %i is %s', async (errno, code) => {
    await devices.misbehave({ nsm: { errnos: [errno] } });
    await expectFailure(send(describeNsm), code, errno);
  });

  test('ENOTTY comes from a device of another kind', async () => {
    const request = { devicePath: devices.path('dev', 'tdx_guest'), request: describeNsm, deadlineMs: 5000 };
    await expectFailure(native.nsmRequest(request), 'DEVICE_FAILED', ENOTTY);
  });
});
