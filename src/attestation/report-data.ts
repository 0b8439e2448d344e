import { createHash } from 'node:crypto';

/** What 64 bytes of report data vouch for (spec/attestation.md section 4); one tag per use, so that none can stand for another. */
export type ReportDataTag = 'ratls-cert' | 'kms-root-ca' | 'app-data';

/**
 * Report data bound to `content`: SHA-512 of `tag:content`, 64 bytes. For `ratls-cert` and `kms-root-ca`
 * the content is a SubjectPublicKeyInfo or whatever spec/kms.md section 4.5 names, for `app-data` the
 * application's own bytes.
 */
export function boundReportData(tag: ReportDataTag, content: Uint8Array): Uint8Array {
  return Uint8Array.from(createHash('sha512').update(`${tag}:`).update(content).digest());
}
