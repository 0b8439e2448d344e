import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { P256PublicKey } from '../crypto/p256-public-key.js';
import { VerificationError } from '../errors/verification-error.js';
import type { VerifyingKey } from './verifying-key.js';

interface Curve {
  /**
   * A SubjectPublicKeyInfo (RFC 5480) up to the coordinates of an uncompressed point on the named curve. DER leaves no choice: all such
   * keys begin with these bytes.
   */
  readonly prefix: Buffer;
  /** Bytes of a coordinate. */
  readonly size: number;
  /** null when the point is not on the curve. */
  readonly import: (coordinates: Uint8Array, spki: Uint8Array) => VerifyingKey | null;
}
const P256: Curve = { prefix: Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex'), size: 32, import: P256PublicKey.from };
const P384: Curve = { prefix: Buffer.from('3076301006072a8648ce3d020106052b8104002203620004', 'hex'), size: 48, import: importP384 };

/** Whether this is a SubjectPublicKeyInfo with an uncompressed point on P-256 or P-384, as far as can be told without looking for the point. */
export function isEcSpki(spki: Uint8Array): boolean {
  return curveOf(spki) !== null;
}

/**
 * Imports a SubjectPublicKeyInfo (DER, RFC 5480) on P-256 or P-384 with an uncompressed point. Only what was read
 * here reaches OpenSSL: the point.
 * @throws VerificationError PUBLIC_KEY_UNSUPPORTED for another kind of key or a point that is not on the curve
 */
export function importEcSpki(spki: Uint8Array): VerifyingKey {
  const curve = curveOf(spki);
  if (curve === null) throw unsupported('it is not an uncompressed point on P-256 or P-384');
  const key = curve.import(spki.subarray(curve.prefix.length), spki);
  if (key === null) throw unsupported('its point is not on the curve');
  return key;
}

function curveOf(spki: Uint8Array): Curve | null {
  for (const curve of [P256, P384]) {
    const { length } = curve.prefix;
    if (spki.length === length + 2 * curve.size && curve.prefix.equals(spki.subarray(0, length))) return curve;
  }
  return null;
}

/**
 * Through DER. A JWK's point is also multiplied by the order of the group, which takes as long as most of a verification and proves
 * nothing on a curve of prime order: there every point but the one at infinity, which has no uncompressed form, is of that order.
 */
function importP384(_coordinates: Uint8Array, spki: Uint8Array): KeyObject | null {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  } catch {
    return null;
  }
}

function unsupported(detail: string): VerificationError {
  return new VerificationError('PUBLIC_KEY_UNSUPPORTED', `public key cannot be used: ${detail}`);
}
