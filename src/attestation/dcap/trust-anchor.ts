import { VerificationError } from '../../errors/verification-error.js';
import type { Certificate } from '../../x509/certificate.js';
import { parseCrl } from '../../x509/crl.js';
import { publicKeyOf } from '../../x509/path.js';
import { pathConstraintsOf } from '../../x509/path-constraints.js';
import { RevocationChecker } from '../../x509/revocation.js';
import type { TimeWindow } from '../../x509/time-window.js';
import { CertificateMemory } from '../certificate-memory.js';
import type { QuoteCollateral } from '../collateral.js';

/** The root with its revocation status known, and the lists every later path is checked against. */
export interface CheckedAnchor {
  readonly certificate: Certificate;
  readonly revocation: RevocationChecker;
  readonly windows: readonly TimeWindow[];
  /** Certificates whose signatures need not be verified again. */
  readonly memory: CertificateMemory;
}

/**
 * Is the root itself still trusted? Step 0 of spec/attestation.md section 6.3: it must be self-issued and
 * covered by a current list of its own.
 * @param root DER certificate
 * @param now unix seconds
 * @throws VerificationError ROOT_NOT_SELF_ISSUED, CERTIFICATE_…, CRL_…
 */
export function checkAnchor(root: Uint8Array, collateral: Pick<QuoteCollateral, 'rootCaCrl' | 'pckCrl'>, now: number, memory = new CertificateMemory()): CheckedAnchor {
  const certificate = memory.anchor(root);
  if (Buffer.compare(certificate.subjectRaw, certificate.issuerRaw) !== 0) {
    throw new VerificationError('ROOT_NOT_SELF_ISSUED', 'the trust anchor is not a root: it was issued by another');
  }
  const revocation = new RevocationChecker([parseCrl(collateral.rootCaCrl), parseCrl(collateral.pckCrl)]);
  const issuer = { key: publicKeyOf(certificate), maySignCrls: true };
  return { certificate, revocation, windows: [revocation.check(certificate, pathConstraintsOf(certificate), issuer, now)], memory };
}
