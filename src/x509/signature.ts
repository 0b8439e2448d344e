import { constants, verify } from 'node:crypto';
import { type EcdsaHash, P256PublicKey } from '../crypto/p256-public-key.js';
import { VerificationError } from '../errors/verification-error.js';
import type { Certificate } from './certificate.js';
import { isPssSha384, RSASSA_PSS } from './pss.js';
import type { VerifyingKey } from './verifying-key.js';

interface Algorithm {
  /** Kind of key that makes such signatures, as node names it. */
  readonly keyType: 'ec' | 'rsa';
  readonly hash: EcdsaHash;
}

/** Signature algorithms of certificates and revocation lists (RFC 5758, RFC 8017 appendix A.2.4), by object identifier. */
const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  '1.2.840.10045.4.3.2': { keyType: 'ec', hash: 'sha256' },
  '1.2.840.10045.4.3.3': { keyType: 'ec', hash: 'sha384' },
  '1.2.840.113549.1.1.11': { keyType: 'rsa', hash: 'sha256' },
  '1.2.840.113549.1.1.12': { keyType: 'rsa', hash: 'sha384' },
};

/**
 * True when `signature` is `key`'s over `tbs`: DER of ECDSA-Sig-Value, or RSASSA-PKCS1-v1_5. An RSA key gets here
 * only where the caller imported one.
 * @param algorithm object identifier of ECDSA or RSA with SHA-256 or SHA-384
 * @throws VerificationError SIGNATURE_ALGORITHM_UNSUPPORTED for any other algorithm, or one that is not of this kind of key
 */
export function verifySignature(key: VerifyingKey, algorithm: string, tbs: Uint8Array, signature: Uint8Array): boolean {
  const known = ALGORITHMS[algorithm];
  if (known === undefined || known.keyType !== key.asymmetricKeyType) {
    throw new VerificationError('SIGNATURE_ALGORITHM_UNSUPPORTED', `signature algorithm ${algorithm} cannot be verified with the issuer's key`);
  }
  if (key instanceof P256PublicKey) return key.verify(known.hash, tbs, { bytes: signature, encoding: 'der' });
  return verify(known.hash, tbs, known.keyType === 'ec' ? { key, dsaEncoding: 'der' } : key, signature);
}

/** Octets of salt in the one RSASSA-PSS there is here. */
const PSS_SALT_LENGTH = 48;

/**
 * True when `key` signed the certificate, in any of the algorithms of `verifySignature` or RSASSA-PSS with SHA-384.
 * @throws VerificationError SIGNATURE_ALGORITHM_UNSUPPORTED
 */
export function isSignedBy({ signatureAlgorithmOid, signatureAlgorithmRaw, tbs, signature }: Certificate, key: VerifyingKey): boolean {
  if (signatureAlgorithmOid !== RSASSA_PSS) return verifySignature(key, signatureAlgorithmOid, tbs, signature);
  if (key instanceof P256PublicKey || key.asymmetricKeyType !== 'rsa' || !isPssSha384(signatureAlgorithmRaw)) {
    throw new VerificationError('SIGNATURE_ALGORITHM_UNSUPPORTED', 'RSASSA-PSS with other parameters than SHA-384, or not of an RSA key');
  }
  return verify('sha384', tbs, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: PSS_SALT_LENGTH }, signature);
}
