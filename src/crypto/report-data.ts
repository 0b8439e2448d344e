import { invalidArgument } from '../errors/service-error.js';
import { keccak256 } from './keccak.js';
import { reportDataDigest } from './report-data-hash.js';
import type { ReportDataHash } from './report-data-hash.js';

/** Length of a report's user data on every platform, in bytes. */
export const REPORT_DATA_LENGTH = 64;

/** Tags that say what a report vouches for (spec/attestation.md section 4). */
export const REPORT_DATA_TAG = { certificate: 'ratls-cert', appData: 'app-data' } as const;

/**
 * The 64 bytes H(tag ‖ ":" ‖ content), zero padded on the right. Content of the certificate tag is the
 * SubjectPublicKeyInfo DER.
 */
export function taggedReportData(tag: string, content: Uint8Array, hash: ReportDataHash = 'sha512'): Uint8Array {
  return padded(reportDataDigest(hash, Buffer.concat([Buffer.from(`${tag}:`, 'utf8'), content])));
}

/** Report data that binds evidence to a certificate's key: `spki` is its SubjectPublicKeyInfo DER. */
export function certificateReportData(spki: Uint8Array): Uint8Array {
  return taggedReportData(REPORT_DATA_TAG.certificate, spki);
}

/** Report data chosen whole by the caller. @throws ServiceError INVALID_ARGUMENT unless `content` is 64 bytes */
export function rawReportData(content: Uint8Array): Uint8Array {
  if (content.length !== REPORT_DATA_LENGTH) throw invalidArgument('invalid content length');
  return content;
}

/** `content`, at most 64 bytes, zero padded on the right. @throws ServiceError INVALID_ARGUMENT when it is longer */
export function paddedReportData(content: Uint8Array): Uint8Array {
  if (content.length > REPORT_DATA_LENGTH) throw invalidArgument('Report data is too long');
  return padded(content);
}

/**
 * Report data that binds evidence to the keys a KMS made for itself (spec/kms.md section 7, step 6; the
 * spelling is part of the protocol). `rootSpki` is the root CA's SubjectPublicKeyInfo DER, `k256PublicKey`
 * 33 bytes compressed.
 */
export function bootstrapReportData(rootSpki: Uint8Array, k256PublicKey: Uint8Array): Uint8Array {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  return padded(keccak256(Buffer.from(`dstack-kms-genereted-keys-v1:${hex(rootSpki)};${hex(k256PublicKey)};`, 'latin1')));
}

function padded(content: Uint8Array): Uint8Array {
  const out = new Uint8Array(REPORT_DATA_LENGTH);
  out.set(content);
  return out;
}
