import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { KeyMaterialError } from '../../src/crypto/key-error.js';
import { dhSecret, P256Key, p256ChildKey, randomP256Key, verifyP256 } from '../../src/crypto/p256.js';
import { pointFromSpki } from '../../src/crypto/p256-encoding.js';
import { ascii, fill, hex, thrownBy, toHex } from './bytes.js';
import { KMS, SIMULATOR_K256 } from './kms-vectors.js';

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const bytes32 = (value: bigint): Uint8Array => hex(value.toString(16).padStart(64, '0'));

describe('P-256 keys', () => {
  it('have the recorded encodings', () => {
    const key = new P256Key(KMS.rootScalar);
    expect(toHex(key.spki)).toBe(KMS.rootSpki);
    expect(key.spki).toHaveLength(91);
    expect(key.point).toEqual(pointFromSpki(key.spki));
    const derived = p256ChildKey(SIMULATOR_K256, [ascii('test')]);
    expect(Buffer.from(derived.pkcs8).toString('base64')).toBe(
      'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgEz6MpuUy6tPjjwA0dAh3HaKW6ccOjj42L0hRVOZO9OihRANCAATq4OAo6VD5JMiYF1MjLZvxceBHBrF2c9VWSegUWDWFkwhFbsmNZgBvB2z3xllwth3h5fYZSAw6kRpwAjQ2DShX',
    );
  });

  it('are encoded as the platform encodes them', () => {
    for (let i = 0; i < 20; i++) {
      const key = randomP256Key((length) => randomBytes(length));
      const platform = createPrivateKey({ key: Buffer.from(key.pkcs8), format: 'der', type: 'pkcs8' });
      expect(toHex(key.pkcs8)).toBe(platform.export({ format: 'der', type: 'pkcs8' }).toString('hex'));
      expect(toHex(key.spki)).toBe(createPublicKey(platform).export({ format: 'der', type: 'spki' }).toString('hex'));
      expect(key.privateKey.equals(platform)).toBe(true);
    }
  });

  it('derive the app CA key of the specification', () => {
    const key = p256ChildKey(KMS.rootScalar, [KMS.appId, ascii('app-ca')]);
    expect(toHex(key.scalar)).toBe('5b779e0a9fe80b2e5866d94958daa1a4e29a183228b3f37acd7eae153e18a75f');
    expect(toHex(key.point)).toBe('040526af58f573724a2933a2b53506caa20343e6b98573fd89e32eee820eb5958fe4797ce498fe8b86f114debf18daaf5e650ab48cec14927e95e71fac13af7697');
  });

  it.each([
    [1n, true],
    [ORDER - 1n, true],
    [0n, false],
    [ORDER, false],
    [ORDER + 5n, false],
  ])('exist for the scalars from 1 to n - 1 alone: %d', (value, valid) => {
    if (valid) expect(new P256Key(bytes32(value)).point).toHaveLength(65);
    else expect(thrownBy(() => new P256Key(bytes32(value)))).toMatchObject({ constructor: KeyMaterialError, code: 'PRIVATE_KEY_INVALID' });
  });

  it.each([0, 31, 33])('do not exist for %d bytes', (length) => {
    expect(thrownBy(() => new P256Key(fill(length, 1)))).toMatchObject({ code: 'PRIVATE_KEY_INVALID' });
  });

  it('are drawn again when the draw is outside the group, but not for ever', () => {
    const draws = [fill(32, 0xff), fill(32, 0), KMS.rootScalar];
    expect(toHex(randomP256Key(() => draws.shift() ?? fill(32, 0)).spki)).toBe(KMS.rootSpki);
    expect(thrownBy(() => randomP256Key(() => fill(32, 0)))).toMatchObject({ code: 'PRIVATE_KEY_INVALID' });
  });

  it('leave no trace of the scalar in a log', () => {
    const key = new P256Key(KMS.rootScalar);
    void key.privateKey;
    expect(JSON.stringify(key)).not.toContain('scalar');
    expect(inspect(key, { depth: 9, showHidden: true, compact: 9, breakLength: Infinity })).not.toMatch(/245,\s+117,\s+39/);
  });
});

describe('dhSecret', () => {
  it.each([
    [[ascii('context one'), ascii('context two')], '663afd58820be8ad645f9c035e93199d114ab16f738db62393bc1d7d623e8813'],
    [[KMS.appId, KMS.instanceId, ascii('app-disk-crypt-key')], '1fef665a1667042d9d3e16305ac19dff2082d4fa6b0d27505bb9e6b7379bb58d'],
    [[KMS.appId, fill(0, 0), ascii('app-disk-crypt-key')], '14de7a7fd8bddf8e641a55ca97f043cac4344d175419f743940840f3a348f049'],
    [[KMS.appId, ascii('env-encrypt-key')], 'a7470db8cfdd0fe24134b461d60766afa7c078abe6dce9f2c8a5c44034ca400e'],
  ])('gives the secrets of the specification (%#)', (contexts, secret) => {
    expect(toHex(dhSecret(KMS.rootScalar, contexts))).toBe(secret);
  });

  it.each([
    [0, '1b438fc72e621e61673afd2a4e8ce3016c6901ca03916eb3760d27a1dcba60c9'],
    [1, '55e4d8a01a81a6d0ecdbdcf087d5365fc490efe115b9f418b4af2345a8a50e89'],
  ])('gives the disk key of a seed of %d', (seed, secret) => {
    expect(toHex(dhSecret(fill(32, seed), [ascii('app-disk-key')]))).toBe(secret);
  });
});

describe('P-256 signatures', () => {
  const key = new P256Key(KMS.rootScalar);
  const message = ascii('message');

  it('verify here and on the platform', () => {
    const signature = key.sign(message);
    expect(key.verify(message, signature)).toBe(true);
    expect(verifyP256(key.spki, message, signature)).toBe(true);
    expect(verify('sha256', message, createPublicKey({ key: Buffer.from(key.spki), format: 'der', type: 'spki' }), signature)).toBe(true);
    expect(verifyP256(key.spki, ascii('massage'), signature)).toBe(false);
    expect(key.verify(ascii('massage'), signature)).toBe(false);
  });

  it('are false, never an exception, when they are rubbish', () => {
    for (const signature of [new Uint8Array(0), fill(72, 0x30), hex('3006020100020100'), sign('sha384', message, key.privateKey)]) {
      expect(verifyP256(key.spki, message, signature)).toBe(false);
    }
  });

  it('refuse public keys of another kind', () => {
    const der = (pair: { publicKey: { export(options: { format: 'der'; type: 'spki' }): Buffer } }): Uint8Array => pair.publicKey.export({ format: 'der', type: 'spki' });
    const offCurve = key.spki.slice();
    offCurve[90] = (offCurve[90] ?? 0) ^ 1;
    const compressed = hex(`3039301306072a8648ce3d020106082a8648ce3d030107032200${toHex(Uint8Array.of(2 | ((key.point[64] ?? 0) & 1), ...key.point.subarray(1, 33)))}`);
    const others = [der(generateKeyPairSync('ec', { namedCurve: 'P-384' })), der(generateKeyPairSync('ed25519')), offCurve, compressed, key.spki.subarray(1), key.spki.subarray(0, 90), new Uint8Array(0)];
    for (const spki of others) expect(thrownBy(() => verifyP256(spki, message, key.sign(message)))).toMatchObject({ constructor: KeyMaterialError, code: 'PUBLIC_KEY_INVALID' });
  });

  it('are over SHA-256', () => {
    const imported = createPublicKey({ key: Buffer.from(key.spki), format: 'der', type: 'spki' });
    expect(verify('sha256', message, imported, key.sign(message))).toBe(true);
    expect(verify('sha512', message, imported, key.sign(message))).toBe(false);
  });
});
