import { VerificationError } from '../errors/verification-error.js';
import type { Certificate } from '../x509/certificate.js';
import type { RevocationList } from '../x509/crl.js';
import { publicKeyOf } from '../x509/path.js';
import { isSignedBy, verifySignature } from '../x509/signature.js';

/**
 * The certificates among `candidates` that a chain of signatures leads to from the anchor, and the anchor. For telling answers
 * worth keeping from others: neither validity nor any extension is looked at.
 */
export function vouchedFor(anchor: Certificate, candidates: readonly Certificate[]): ReadonlySet<Certificate> {
  const vouched = new Set([anchor]);
  for (let before = 0; before < vouched.size; ) {
    before = vouched.size;
    for (const candidate of candidates) {
      const isNew = !vouched.has(candidate);
      if (isNew && someIssuer(vouched, candidate.issuerRaw, (issuer) => isSignedBy(candidate, publicKeyOf(issuer, 'ec-or-rsa')))) vouched.add(candidate);
    }
  }
  return vouched;
}

/** True when one of `issuers` signed the list. */
export function isListOfAny(issuers: ReadonlySet<Certificate>, { issuerRaw, signatureAlgorithmOid, tbs, signature }: RevocationList): boolean {
  return someIssuer(issuers, issuerRaw, (issuer) => verifySignature(publicKeyOf(issuer, 'ec-or-rsa'), signatureAlgorithmOid, tbs, signature));
}

function someIssuer(issuers: ReadonlySet<Certificate>, name: Uint8Array, signed: (issuer: Certificate) => boolean): boolean {
  return [...issuers].some((issuer) => {
    if (Buffer.compare(issuer.subjectRaw, name) !== 0) return false;
    try {
      return signed(issuer);
    } catch (error) {
      if (error instanceof VerificationError) return false;
      throw error;
    }
  });
}
