import { VerificationError } from '../../errors/verification-error.js';

/** GUIDs of the entries looked at, as they stand in the table (AMD 56421, section "SNP Extended Guest Request"). */
export const TABLE_GUID = {
  ask: '4ab7b379bbac4fe4a02f05aef327c782',
  vcek: '63da758de6644564adc5f4b93be8accd',
  vlek: 'a8074bc2a25a483eaae639c045a0b8a1',
} as const;

const ENTRY_LENGTH = 24;
const GUID_LENGTH = 16;
const MAX_TABLE_LENGTH = 256 * 1024;
const MAX_ENTRIES = 32;
const END = '0'.repeat(2 * GUID_LENGTH);

/**
 * The certificate table a kernel hands out beside a report: GUID in hex → bytes, views into the input. At most 256 KiB with
 * 32 entries, ended by an entry of zeros (spec/attestation.md section 1.9).
 * @throws VerificationError SNP_CERTIFICATES_MALFORMED
 */
export function parseCertificateTable(bytes: Uint8Array): ReadonlyMap<string, Uint8Array> {
  if (bytes.length > MAX_TABLE_LENGTH) throw malformedCertificates(`the table has ${bytes.length} bytes, at most ${MAX_TABLE_LENGTH}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries = new Map<string, Uint8Array>();
  for (let at = 0; ; at += ENTRY_LENGTH) {
    if (at + ENTRY_LENGTH > bytes.length) throw malformedCertificates('the table has no end');
    const guid = Buffer.from(bytes.subarray(at, at + GUID_LENGTH)).toString('hex');
    const offset = view.getUint32(at + GUID_LENGTH, true);
    const length = view.getUint32(at + GUID_LENGTH + 4, true);
    if (guid === END && offset === 0 && length === 0) return entries;
    if (entries.size >= MAX_ENTRIES) throw malformedCertificates(`the table has more than ${MAX_ENTRIES} entries`);
    if (entries.has(guid)) throw malformedCertificates('the table has an entry twice');
    if (offset > bytes.length || length > bytes.length - offset) throw malformedCertificates('an entry of the table reaches beyond its end');
    entries.set(guid, bytes.subarray(offset, offset + length));
  }
}

/** The error of certificates beside a report that are not in a form they travel in. */
export function malformedCertificates(detail: string, cause?: unknown): VerificationError {
  return new VerificationError('SNP_CERTIFICATES_MALFORMED', `the amd sev-snp certificates are malformed: ${detail}`, { cause });
}
