import { createPrivateKey, createPublicKey, hkdfSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { p256, p384 } from '@noble/curves/nist.js';

/** Length of every development seed, in bytes. */
export const SEED_LENGTH = 32;

const CURVES = {
  p256: { ecdsa: p256, jwk: 'P-256', width: 32 },
  p384: { ecdsa: p384, jwk: 'P-384', width: 48 },
} as const;

export type SeededCurve = keyof typeof CURVES;

/** A development key pair that is the same in every process with the same seed. */
export interface SeededKey {
  readonly curve: SeededCurve;
  /** For fast signatures whose bytes may differ from run to run. */
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  /** x‖y: 64 bytes on P-256, 96 on P-384. */
  readonly point: Uint8Array;
  /**
   * ECDSA of RFC 6979 over SHA-256 (P-256) or SHA-384 (P-384) of `message`, the same bytes every time:
   * r‖s (64 or 96 bytes), or the DER of both.
   */
  sign(message: Uint8Array, encoding?: 'raw' | 'der'): Uint8Array;
}

/** @throws TypeError unless `seed` is 32 bytes. */
export function assertSeed(seed: Uint8Array): void {
  if (!(seed instanceof Uint8Array) || seed.length !== SEED_LENGTH) throw new TypeError(`development seed must be ${SEED_LENGTH} bytes`);
}

/**
 * `length` bytes that depend on the seed and on `label` alone: HKDF-SHA512 (RFC 5869) with this
 * project's own domain separation, so that no key here equals one of another tool fed the same seed.
 */
export function seededBytes(seed: Uint8Array, label: string, length: number): Uint8Array {
  assertSeed(seed);
  return new Uint8Array(hkdfSync('sha512', seed, 'dstack-node development platform v1', label, length));
}

/**
 * The key pair of `label` on `curve`. The scalar is seeded material of 16 bytes more than the group
 * order, reduced modulo n - 1, plus one (FIPS 186-5 appendix A.2.1).
 * @throws TypeError unless `seed` is 32 bytes.
 */
export function seededKey(seed: Uint8Array, curve: SeededCurve, label: string): SeededKey {
  const { ecdsa, jwk, width } = CURVES[curve];
  const wide = BigInt(`0x${Buffer.from(seededBytes(seed, `${curve}:${label}`, width + 16)).toString('hex')}`);
  const scalar = (wide % (ecdsa.Point.CURVE().n - 1n)) + 1n;
  const secret = Buffer.from(scalar.toString(16).padStart(width * 2, '0'), 'hex');
  const point = ecdsa.getPublicKey(secret, false).slice(1);
  const part = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
  const privateKey = createPrivateKey({
    format: 'jwk',
    key: { kty: 'EC', crv: jwk, d: part(secret), x: part(point.subarray(0, width)), y: part(point.subarray(width)) },
  });
  const publicKey = createPublicKey(privateKey);
  return {
    curve,
    privateKey,
    publicKey,
    spki: new Uint8Array(publicKey.export({ type: 'spki', format: 'der' })),
    point,
    sign: (message, encoding = 'raw') => ecdsa.sign(message, secret, { lowS: false, prehash: true, format: encoding === 'raw' ? 'compact' : 'der' }),
  };
}
