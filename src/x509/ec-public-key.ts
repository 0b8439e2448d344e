import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { bitStringBytes, children, DerError, expectTag, oidText, readDer, TAG } from '../crypto/der.js';
import { VerificationError } from '../errors/verification-error.js';

const EC_PUBLIC_KEY = '1.2.840.10045.2.1';
const P256 = { size: 32 } as const;
const P384 = { size: 48 } as const;
const CURVES: Readonly<Record<string, typeof P256 | typeof P384>> = { '1.2.840.10045.3.1.7': P256, '1.3.132.0.34': P384 };
/** A SubjectPublicKeyInfo on P-384 up to its uncompressed point. */
const P384_SPKI_PREFIX = Buffer.from('3076301006072a8648ce3d020106052b81040022036200', 'hex');

/**
 * Imports a SubjectPublicKeyInfo (DER, RFC 5480) on P-256 or P-384 with an uncompressed point. Only what was read
 * here reaches OpenSSL: the point, in the form that is faster on its curve.
 * @throws VerificationError PUBLIC_KEY_UNSUPPORTED for another kind of key or a point that is not on the curve
 */
export function importEcSpki(spki: Uint8Array): KeyObject {
  try {
    const [algorithm, key] = children(readDer(spki, TAG.sequence), 2);
    const [kind, parameters] = children(expectTag(algorithm, TAG.sequence), 2);
    const curve = oidText(expectTag(kind, TAG.oid)) === EC_PUBLIC_KEY ? CURVES[oidText(expectTag(parameters, TAG.oid))] : undefined;
    const point = bitStringBytes(expectTag(key, TAG.bitString));
    if (curve === undefined || point[0] !== 4 || point.length !== 1 + 2 * curve.size) throw unsupported();
    return curve === P384 ? importP384(point) : importP256(point);
  } catch (cause) {
    if (cause instanceof VerificationError) throw cause;
    throw unsupported(cause instanceof DerError ? 'it is malformed' : 'its point is not on the curve', cause);
  }
}

/** Through JWK, which takes half the time of DER on this curve. */
function importP256(point: Uint8Array): KeyObject {
  const coordinate = (start: number): string => Buffer.from(point.buffer, point.byteOffset + start, P256.size).toString('base64url');
  return createPublicKey({ key: { kty: 'EC', crv: 'P-256', x: coordinate(1), y: coordinate(1 + P256.size) }, format: 'jwk' });
}

/**
 * Through DER. A JWK's point is also multiplied by the order of the group, which takes as long as most of a verification and proves
 * nothing on a curve of prime order: there every point but the one at infinity, which has no uncompressed form, is of that order.
 */
function importP384(point: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([P384_SPKI_PREFIX, point]), format: 'der', type: 'spki' });
}

function unsupported(detail = 'it is not an uncompressed point on P-256 or P-384', cause?: unknown): VerificationError {
  return new VerificationError('PUBLIC_KEY_UNSUPPORTED', `public key cannot be used: ${detail}`, { cause });
}
