import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createNsmClient, type NsmClient } from '../../src/attestation/issue/nsm-client.js';
import { parseNsmDocument } from '../../src/attestation/nitro/document.js';
import { loadNative } from '../../src/native/loader.js';
import { mountDevices } from './fuse/mounted.js';

// Every request of the module, typed, through the kernel to a module that reads them with a decoder of its own.

const devices = mountDevices('/dev/nsm, every request, typed');
const client = (): NsmClient => createNsmClient({ native: loadNative(), devicePath: devices.path('dev', 'nsm'), deviceDeadlineMs: 5000 });

describe('the Nitro Secure Module', () => {
  test('describes itself and gives random bytes', async () => {
    expect(await client().describe()).toMatchObject({ version: [1, 0, 0], maxPcrs: 32, digest: 'SHA384', lockedPcrs: Array.from({ length: 16 }, (_, i) => i) });
    expect(await client().random()).not.toEqual(await client().random());
  });

  test('extends, shows and locks registers', async () => {
    const data = Uint8Array.of(1, 2, 3);
    const value = Uint8Array.from(createHash('sha384').update(new Uint8Array(48)).update(data).digest());
    expect(await client().extendPcr(20, data)).toEqual(value);
    expect(await client().describePcr(20)).toEqual({ locked: false, value });
    await client().lockPcr(20);
    await client().lockPcrs(18);
    expect(new Set((await client().describe()).lockedPcrs)).toEqual(new Set([...Array.from({ length: 18 }, (_, i) => i), 20]));
    await expect(client().extendPcr(20, data)).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
    await expect(client().describePcr(32)).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
  });

  test('signs up to the published limits, which errors name', async () => {
    const [userData, nonce, publicKey] = [new Uint8Array(512).fill(1), new Uint8Array(512).fill(2), new Uint8Array(1024).fill(3)];
    const document = parseNsmDocument(await client().attest({ userData, nonce, publicKey }));
    expect(document.userData).toEqual(userData);
    for (const [name, limit, request] of [
      ['user_data', 512, { userData: new Uint8Array(513), nonce, publicKey }],
      ['nonce', 512, { userData, nonce: new Uint8Array(513), publicKey }],
      ['public_key', 1024, { userData, nonce, publicKey: new Uint8Array(1025) }],
    ] as const) {
      const error = (await client().attest(request).catch((reason: unknown) => reason)) as Error;
      expect(error).toMatchObject({ code: 'DEVICE_FAILED' });
      expect(error.message).toContain(name);
      expect(error.message).toContain(String(limit));
    }
  });

  test.each([-1, 1.5, 65_536, NaN])('has no register %d', async (index) => {
    await expect(client().describePcr(index)).rejects.toBeInstanceOf(TypeError);
    await expect(client().lockPcrs(index)).rejects.toBeInstanceOf(TypeError);
    await expect(client().extendPcr(16, new Uint8Array(4001))).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
  });
});
