import { type Certificate, parseCertificate } from '../../x509/certificate.js';
import { parsePemChain } from '../../x509/pem.js';
import { malformedCertificates, parseCertificateTable, TABLE_GUID } from './certificate-table.js';

/** The key that signs reports: derived from the chip (VCEK), or from a secret AMD shares with a cloud provider (VLEK). */
export type Endorsement = 'vcek' | 'vlek';

/** What came along with a report; null for what has to be asked for. */
export interface CarriedCertificates {
  /** ASK for a VCEK, ASVK for a VLEK. */
  readonly intermediate: Certificate | null;
  readonly leaf: Certificate | null;
}

const MAX_CERTIFICATE_LENGTH = 16 * 1024;

/**
 * The certificates of an attestation in any of the three forms they travel in (spec/attestation.md section 5.6): none at
 * all, intermediate and leaf in PEM or DER, or one kernel certificate table.
 * @throws VerificationError SNP_CERTIFICATES_MALFORMED
 */
export function carriedCertificates(chain: readonly Uint8Array[], endorsement: Endorsement): CarriedCertificates {
  const [first, second] = chain;
  if (first === undefined) return { intermediate: null, leaf: null };
  if (chain.length > 2) throw malformedCertificates(`${chain.length} of them, at most 2`);
  if (second !== undefined) return { intermediate: readCertificate(first), leaf: readCertificate(second) };
  const table = parseCertificateTable(first);
  const entry = (guid: string): Certificate | null => {
    const bytes = table.get(guid);
    return bytes === undefined ? null : readCertificate(bytes);
  };
  return { intermediate: entry(TABLE_GUID.ask), leaf: entry(TABLE_GUID[endorsement]) };
}

/**
 * One certificate in PEM or DER, at most 16 KiB.
 * @throws VerificationError SNP_CERTIFICATES_MALFORMED
 */
export function readCertificate(bytes: Uint8Array): Certificate {
  if (bytes.length > MAX_CERTIFICATE_LENGTH) throw malformedCertificates(`one has ${bytes.length} bytes, at most ${MAX_CERTIFICATE_LENGTH}`);
  try {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
    const [der = bytes] = text.trimStart().startsWith('-----BEGIN') ? parsePemChain(text, 1) : [];
    return parseCertificate(der);
  } catch (cause) {
    throw malformedCertificates('one is not X.509 in PEM or DER', cause);
  }
}
