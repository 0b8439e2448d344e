import { verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { VerificationError } from '../errors/verification-error.js';

/** Signature algorithms of certificates and revocation lists (RFC 5758), by object identifier. */
const HASHES: Readonly<Record<string, string>> = {
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
};

/**
 * True when `signature` (DER of ECDSA-Sig-Value) is `key`'s over `tbs`.
 * @param algorithm object identifier of ecdsa-with-SHA256 or ecdsa-with-SHA384
 * @throws VerificationError SIGNATURE_ALGORITHM_UNSUPPORTED for any other algorithm
 */
export function verifyEcSignature(key: KeyObject, algorithm: string, tbs: Uint8Array, signature: Uint8Array): boolean {
  const hash = HASHES[algorithm];
  if (hash === undefined) throw new VerificationError('SIGNATURE_ALGORITHM_UNSUPPORTED', `signature algorithm ${algorithm} is not ECDSA with SHA-256 or SHA-384`);
  return verify(hash, tbs, { key, dsaEncoding: 'der' }, signature);
}
