import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { bitStringBytes, children, DerError, expectTag, oidText, readDer, TAG } from '../crypto/der.js';
import { VerificationError } from '../errors/verification-error.js';

const EC_PUBLIC_KEY = '1.2.840.10045.2.1';
const CURVES: Readonly<Record<string, { readonly crv: string; readonly size: number }>> = {
  '1.2.840.10045.3.1.7': { crv: 'P-256', size: 32 },
  '1.3.132.0.34': { crv: 'P-384', size: 48 },
};

/**
 * Imports a SubjectPublicKeyInfo (DER, RFC 5480) on P-256 or P-384 with an uncompressed point. Goes
 * through JWK, which node imports in half the time of DER.
 * @throws VerificationError PUBLIC_KEY_UNSUPPORTED for another kind of key or a point that is not on the curve
 */
export function importEcSpki(spki: Uint8Array): KeyObject {
  try {
    const [algorithm, key] = children(readDer(spki, TAG.sequence), 2);
    const [kind, parameters] = children(expectTag(algorithm, TAG.sequence), 2);
    const curve = oidText(expectTag(kind, TAG.oid)) === EC_PUBLIC_KEY ? CURVES[oidText(expectTag(parameters, TAG.oid))] : undefined;
    const point = bitStringBytes(expectTag(key, TAG.bitString));
    if (curve === undefined || point[0] !== 4 || point.length !== 1 + 2 * curve.size) throw unsupported();
    const { crv, size } = curve;
    const coordinate = (start: number): string => Buffer.from(point.buffer, point.byteOffset + start, size).toString('base64url');
    return createPublicKey({ key: { kty: 'EC', crv, x: coordinate(1), y: coordinate(1 + size) }, format: 'jwk' });
  } catch (cause) {
    if (cause instanceof VerificationError) throw cause;
    throw unsupported(cause instanceof DerError ? 'it is malformed' : 'its point is not on the curve', cause);
  }
}

function unsupported(detail = 'it is not an uncompressed point on P-256 or P-384', cause?: unknown): VerificationError {
  return new VerificationError('PUBLIC_KEY_UNSUPPORTED', `public key cannot be used: ${detail}`, { cause });
}
