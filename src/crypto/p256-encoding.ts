import { KeyMaterialError } from './key-error.js';

const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));

/** SubjectPublicKeyInfo of id-ecPublicKey on prime256v1, up to the 65-byte point (RFC 5480). */
const SPKI_PREFIX = fromHex('3059301306072a8648ce3d020106082a8648ce3d030107034200');
/** PKCS#8 and ECPrivateKey up to the 32-byte private value, then up to the point (RFC 5958, RFC 5915). */
const PKCS8_PREFIX = fromHex('308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420');
const PKCS8_MIDDLE = fromHex('a144034200');

/** Length of every P-256 SubjectPublicKeyInfo with an uncompressed point, in bytes. */
export const P256_SPKI_LENGTH = SPKI_PREFIX.length + 65;

/** SubjectPublicKeyInfo, 91 bytes DER, of an uncompressed 65-byte point. */
export function spkiFromPoint(point: Uint8Array): Uint8Array {
  return concat(SPKI_PREFIX, point);
}

/**
 * The uncompressed 65-byte point in a SubjectPublicKeyInfo, a view; whether it is on the curve is not looked at.
 * @throws KeyMaterialError PUBLIC_KEY_INVALID for any other kind of key or encoding
 */
export function pointFromSpki(spki: Uint8Array): Uint8Array {
  const point = spki.subarray(SPKI_PREFIX.length);
  if (spki.length !== P256_SPKI_LENGTH || point[0] !== 4 || !startsWith(spki, SPKI_PREFIX)) {
    throw new KeyMaterialError('PUBLIC_KEY_INVALID', 'not the SubjectPublicKeyInfo of a P-256 key');
  }
  return point;
}

/** PKCS#8 version 1 with the public key, 138 bytes DER, byte for byte as spec/kms.md section 4.3 has it. */
export function pkcs8FromScalar(scalar: Uint8Array, point: Uint8Array): Uint8Array {
  return concat(PKCS8_PREFIX, scalar, PKCS8_MIDDLE, point);
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return prefix.every((byte, i) => bytes[i] === byte);
}
