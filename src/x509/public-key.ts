import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { bitStringBytes, children, DerError, expectTag, oidText, readDer, TAG } from '../crypto/der.js';
import { VerificationError } from '../errors/verification-error.js';
import { importEcSpki, isEcSpki } from './ec-public-key.js';
import type { VerifyingKey } from './verifying-key.js';

const RSA_ENCRYPTION = '1.2.840.113549.1.1.1';
/** Bits of the modulus. Verifying grows with its square, and nobody who certifies TEEs has a larger one. */
const RSA_BITS = { least: 2048, most: 4096 } as const;
const RSA_EXPONENT = 65_537n;

/**
 * Imports a SubjectPublicKeyInfo (DER): P-256, P-384, or RSA of 2048 to 4096 bits with exponent 65537 (RFC 8017 appendix A.1).
 * @throws VerificationError PUBLIC_KEY_UNSUPPORTED for any other key
 */
export function importSpki(spki: Uint8Array): VerifyingKey {
  return !isEcSpki(spki) && isRsa(spki) ? importRsaSpki(spki) : importEcSpki(spki);
}

/** False for what cannot be decoded, too. */
function isRsa(spki: Uint8Array): boolean {
  try {
    const [algorithm] = children(readDer(spki, TAG.sequence), 2);
    return oidText(expectTag(children(expectTag(algorithm, TAG.sequence), 2)[0], TAG.oid)) === RSA_ENCRYPTION;
  } catch (error) {
    if (error instanceof DerError) return false;
    throw error;
  }
}

function importRsaSpki(spki: Uint8Array): KeyObject {
  const key = rsaKey(spki);
  const { modulusLength = 0, publicExponent } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < RSA_BITS.least || modulusLength > RSA_BITS.most) throw unsupported(`an RSA modulus of ${modulusLength} bits, not ${RSA_BITS.least} to ${RSA_BITS.most}`);
  if (publicExponent !== RSA_EXPONENT) throw unsupported('an RSA exponent other than 65537');
  return key;
}

/** Through JWK, so that only what was read here reaches OpenSSL. */
function rsaKey(spki: Uint8Array): KeyObject {
  try {
    const [, key] = children(readDer(spki, TAG.sequence), 2);
    const [modulus, exponent, ...rest] = children(readDer(bitStringBytes(expectTag(key, TAG.bitString)), TAG.sequence), 2);
    if (rest.length > 0) throw new DerError('unexpected element');
    const n = Buffer.from(unsigned(expectTag(modulus, TAG.integer).value)).toString('base64url');
    const e = Buffer.from(unsigned(expectTag(exponent, TAG.integer).value)).toString('base64url');
    return createPublicKey({ key: { kty: 'RSA', n, e }, format: 'jwk' });
  } catch (cause) {
    if (cause instanceof VerificationError) throw cause;
    throw unsupported('a malformed RSA key', cause);
  }
}

/** Content of a positive INTEGER, its sign octet dropped; at most as long as the largest modulus. */
function unsigned(value: Uint8Array): Uint8Array {
  const first = value[0];
  if (first === undefined || first >= 0x80 || value.length > RSA_BITS.most / 8 + 1) throw new DerError('not a positive integer of a usable size');
  return first === 0 ? value.subarray(1) : value;
}

function unsupported(detail: string, cause?: unknown): VerificationError {
  return new VerificationError('PUBLIC_KEY_UNSUPPORTED', `public key cannot be used: ${detail}`, { cause });
}
