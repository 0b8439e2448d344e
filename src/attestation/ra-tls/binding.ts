import { DerError, readDer, TAG } from '../../crypto/der.js';
import { certificateReportData } from '../../crypto/report-data.js';
import { VerificationError } from '../../errors/verification-error.js';
import { type Certificate, parseCertificate } from '../../x509/certificate.js';
import { DSTACK_OID } from '../../x509/oids.js';
import type { AppInfo } from '../evidence/app-info.js';
import type { Attestation } from '../evidence/attestation.js';
import type { AttestationVerifier } from '../evidence/attestation-verifier.js';
import type { VerifiedAttestation } from '../evidence/verified.js';
import { decodeAttestation } from '../wire/decode.js';
import { decodeAppInfo } from './app-info-extension.js';
import { legacyAttestation } from './legacy-evidence.js';

/** An attestation and what stands beside it in the certificate. Nothing of it is verified. */
export interface CertificateEvidence {
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
 * @throws VerificationError CERTIFICATE_…, EXTENSION_DUPLICATE, ATTESTATION_MALFORMED and those of the legacy pair
 */
export function attestationFromCertificate(der: Uint8Array): CertificateEvidence | null {
  const certificate = parseCertificate(der);
  const attestation = attestationOf(certificate);
  if (attestation === null) return null;
  const appInfo = extensionContent(certificate, DSTACK_OID.appInfo);
  const usage = extensionContent(certificate, DSTACK_OID.specialUsage);
  return {
    attestation,
    spki: certificate.spki,
    appId: extensionContent(certificate, DSTACK_OID.appId),
    appInfo: appInfo === null ? null : decodeAppInfo(appInfo),
    usage: usage === null ? null : usageText(usage),
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
  const evidence = attestationFromCertificate(der);
  if (evidence === null) throw new VerificationError('ATTESTATION_ABSENT', 'the certificate carries no attestation');
  return verifyCertificateEvidence(evidence, verifier);
}

/**
 * The same for evidence already taken out of its certificate.
 * @throws VerificationError REPORT_DATA_MISMATCH, and as the verifier
 */
export async function verifyCertificateEvidence({ attestation, spki }: CertificateEvidence, verifier: AttestationVerifier): Promise<VerifiedAttestation> {
  if (Buffer.compare(attestation.stack.reportData, certificateReportData(spki)) !== 0) {
    throw new VerificationError('REPORT_DATA_MISMATCH', 'report data mismatch');
  }
  return verifier.verify(attestation);
}

function attestationOf(certificate: Certificate): Attestation | null {
  const versioned = extensionContent(certificate, DSTACK_OID.attestation);
  if (versioned !== null) return decodeAttestation(versioned);
  const quote = extensionContent(certificate, DSTACK_OID.legacyTdxQuote);
  if (quote === null) return null;
  const eventLog = extensionContent(certificate, DSTACK_OID.legacyEventLog);
  if (eventLog === null) throw malformed('a quote without its event log');
  return legacyAttestation(quote, eventLog);
}

/** What the OCTET STRING inside extnValue holds; null when there is no such extension. */
function extensionContent({ extensions }: Certificate, oid: string): Uint8Array | null {
  const extension = extensions.get(oid);
  if (extension === undefined) return null;
  try {
    return readDer(extension.value, TAG.octetString).value;
  } catch (cause) {
    if (cause instanceof DerError) throw malformed(`extension ${oid} is not an OCTET STRING`, cause);
    throw cause;
  }
}

function usageText(content: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch (cause) {
    throw malformed('special usage is not UTF-8', cause);
  }
}

function malformed(detail: string, cause?: unknown): VerificationError {
  return new VerificationError('CERTIFICATE_EXTENSION_MALFORMED', `malformed certificate: ${detail}`, { cause });
}
