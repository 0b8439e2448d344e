import { createPublicKey, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

/**
 * Imports x‖y (64 bytes) as a P-256 public key; null when that is not a point on the curve.
 * A JWK import takes half the time of a DER one.
 */
export function importRawP256(point: Uint8Array): KeyObject | null {
  const coordinate = (start: number): string => Buffer.from(point.buffer, point.byteOffset + start, 32).toString('base64url');
  if (point.length !== 64) return null;
  try {
    return createPublicKey({ key: { kty: 'EC', crv: 'P-256', x: coordinate(0), y: coordinate(32) }, format: 'jwk' });
  } catch {
    return null;
  }
}

/** True when `signature` (r‖s, 64 bytes) is `key`'s ECDSA signature over the SHA-256 of `data`. */
export function verifyP256(key: KeyObject, data: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== 64 || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return false;
  return verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature);
}
