import { VerificationError } from '../../errors/verification-error.js';
import { type Certificate, parseCertificate } from '../../x509/certificate.js';
import { publicKeyOf } from '../../x509/path.js';
import { pathConstraintsOf } from '../../x509/path-constraints.js';
import { isSignedBy } from '../../x509/signature.js';

/** Anchors found good, by the very bytes a configuration holds: they are used for every report. */
const known = new WeakMap<Uint8Array, Certificate>();

/**
 * A root key of AMD's: a CA certificate that signed itself (spec/attestation.md section 5.6). Its validity in time is not looked at, as
 * of any trust anchor.
 * @param der certificate
 * @throws VerificationError SNP_ROOT_INVALID
 */
export function snpRoot(der: Uint8Array): Certificate {
  const found = known.get(der);
  if (found !== undefined) return found;
  const root = checked(der);
  known.set(der, root);
  return root;
}

function checked(der: Uint8Array): Certificate {
  try {
    const root = parseCertificate(der);
    const isRoot = pathConstraintsOf(root).isCa && Buffer.compare(root.issuerRaw, root.subjectRaw) === 0;
    if (isRoot && isSignedBy(root, publicKeyOf(root, 'ec-or-rsa'))) return root;
  } catch (cause) {
    if (cause instanceof VerificationError) throw invalid(cause);
    throw cause;
  }
  throw invalid();
}

function invalid(cause?: unknown): VerificationError {
  return new VerificationError('SNP_ROOT_INVALID', 'the configured amd sev-snp root is not the certificate of a CA that signed itself', { cause });
}
