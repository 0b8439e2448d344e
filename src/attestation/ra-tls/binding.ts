import { certificateReportData } from '../../crypto/report-data.js';
import { VerificationError } from '../../errors/verification-error.js';
import { type Certificate, parseCertificate } from '../../x509/certificate.js';
import { readAppId, readAppInfo, readEvidence, readSpecialUsage } from '../../x509/dstack-extensions.js';
import type { AppInfo } from '../evidence/app-info.js';
import type { Attestation } from '../evidence/attestation.js';
import type { AttestationVerifier } from '../evidence/attestation-verifier.js';
import type { VerifiedAttestation } from '../evidence/verified.js';
import { decodeAttestation } from '../wire/decode.js';
import { legacyAttestation } from './legacy-evidence.js';

/** An attestation and what stands beside it in the certificate. Nothing of it is verified. */
export interface AttestedCertificate {
  readonly attestation: Attestation;
  /** SubjectPublicKeyInfo, DER, exactly as in the certificate. */
  readonly spki: Uint8Array;
  readonly appId: Uint8Array | null;
  readonly appInfo: AppInfo | null;
  /** Special usage, such as `kms:rpc`. */
  readonly usage: string | null;
}

/**
 * The evidence inside a certificate: its attestation, or the older pair of quote and event log when it has
 * none (spec/attestation.md section 9.2).
 * @returns null when the certificate carries no evidence
 * @throws VerificationError CERTIFICATE_…, EXTENSION_…, ATTESTATION_MALFORMED, and those of the legacy pair
 */
export function attestationFromCertificate(der: Uint8Array): AttestedCertificate | null {
  const certificate = parseCertificate(der);
  const attestation = attestationOf(certificate);
  if (attestation === null) return null;
  return {
    attestation,
    spki: certificate.spki,
    appId: readAppId(certificate),
    appInfo: readAppInfo(certificate),
    usage: readSpecialUsage(certificate),
  };
}

/**
 * Verifies the evidence of a peer's certificate, and that it vouches for the certificate's key: report data
 * must be those of `ratls-cert` over the SubjectPublicKeyInfo (spec/attestation.md section 9.4). The
 * certificate's own signature, chain, times and names mean nothing here: the evidence says it all.
 * @param der the certificate the peer proved in its TLS handshake to hold the key of
 * @throws VerificationError ATTESTATION_ABSENT, REPORT_DATA_MISMATCH, and as `attestationFromCertificate` and the verifier
 */
export async function verifyRaTlsCertificate(der: Uint8Array, verifier: AttestationVerifier): Promise<VerifiedAttestation> {
  const attested = attestationFromCertificate(der);
  if (attested === null) throw new VerificationError('ATTESTATION_ABSENT', 'the certificate carries no attestation');
  return verifyCertificateEvidence(attested, verifier);
}

/**
 * The same for evidence already read: of a certificate, or of a certificate request, which has a key and an
 * attestation as well. The binding is checked first, as it costs nothing.
 * @throws VerificationError REPORT_DATA_MISMATCH, and as the verifier
 */
export async function verifyCertificateEvidence(
  { attestation, spki }: Pick<AttestedCertificate, 'attestation' | 'spki'>,
  verifier: AttestationVerifier,
): Promise<VerifiedAttestation> {
  if (Buffer.compare(attestation.stack.reportData, certificateReportData(spki)) !== 0) {
    throw new VerificationError('REPORT_DATA_MISMATCH', 'report data mismatch');
  }
  return verifier.verify(attestation);
}

function attestationOf(certificate: Certificate): Attestation | null {
  const evidence = readEvidence(certificate);
  if (evidence === null) return null;
  return evidence.kind === 'versioned' ? decodeAttestation(evidence.attestation) : legacyAttestation(evidence.quote, evidence.eventLog);
}
