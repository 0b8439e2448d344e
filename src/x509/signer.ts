import { sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { SIGNATURE_OID } from './oids.js';

/** What signs certificates and revocation lists. */
export interface CertificateSigner {
  /** Dotted OID of an algorithm without parameters; it is inside what is signed, so it is known beforehand. */
  readonly algorithmOid: string;
  /** Content of the signature BIT STRING over `tbs`; for ECDSA the DER of r and s. */
  sign(tbs: Uint8Array): Uint8Array;
}

/**
 * Signs with ECDSA: SHA-256 on P-256, SHA-384 on P-384.
 * @throws TypeError for a key of another kind
 */
export function ecdsaSigner(privateKey: KeyObject): CertificateSigner {
  const curve = privateKey.asymmetricKeyDetails?.namedCurve;
  if (curve === 'prime256v1') return { algorithmOid: SIGNATURE_OID.ecdsaWithSha256, sign: (tbs) => sign('sha256', tbs, privateKey) };
  if (curve === 'secp384r1') return { algorithmOid: SIGNATURE_OID.ecdsaWithSha384, sign: (tbs) => sign('sha384', tbs, privateKey) };
  throw new TypeError('a certificate signer needs a P-256 or P-384 private key');
}
