import { createPublicKey, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { seededBytes, seededKey } from '../../src/simulator/seeded-keys.js';

const seed = new Uint8Array(32).fill(7);
const other = new Uint8Array(32).fill(8);
const message = Buffer.from('a message');

describe.each([
  ['p256', 'sha256', 64, 'prime256v1'],
  ['p384', 'sha384', 96, 'secp384r1'],
] as const)('seeded keys on %s', (curve, hash, width, namedCurve) => {
  const key = seededKey(seed, curve, 'label');

  it('depend on seed and label alone', () => {
    expect(seededKey(seed, curve, 'label').spki).toEqual(key.spki);
    expect(seededKey(seed, curve, 'label 2').spki).not.toEqual(key.spki);
    expect(seededKey(other, curve, 'label').spki).not.toEqual(key.spki);
  });

  it('sign deterministically, raw and DER, as their public key confirms', () => {
    const publicKey = createPublicKey({ key: Buffer.from(key.spki), format: 'der', type: 'spki' });
    expect(publicKey.asymmetricKeyDetails?.namedCurve).toBe(namedCurve);
    const raw = key.sign(message);
    expect(raw).toHaveLength(width);
    expect(key.sign(message)).toEqual(raw);
    expect(verify(hash, message, { key: publicKey, dsaEncoding: 'ieee-p1363' }, raw)).toBe(true);
    expect(verify(hash, message, { key: publicKey, dsaEncoding: 'der' }, key.sign(message, 'der'))).toBe(true);
    expect(verify(hash, Buffer.from('another'), { key: publicKey, dsaEncoding: 'ieee-p1363' }, raw)).toBe(false);
  });

  it('have the point of their SubjectPublicKeyInfo', () => {
    expect(key.point).toHaveLength(width);
    expect(Buffer.from(key.spki.subarray(-width)).equals(key.point)).toBe(true);
  });
});

describe('seeded bytes', () => {
  it('have the length asked for and differ by label', () => {
    expect(seededBytes(seed, 'a', 16)).toHaveLength(16);
    expect(seededBytes(seed, 'a', 16)).not.toEqual(seededBytes(seed, 'b', 16));
  });

  it.each([0, 31, 33])('refuse a seed of %i bytes', (length) => {
    expect(() => seededBytes(new Uint8Array(length), 'a', 16)).toThrow(TypeError);
    expect(() => seededKey(new Uint8Array(length), 'p256', 'a')).toThrow(TypeError);
  });
});
