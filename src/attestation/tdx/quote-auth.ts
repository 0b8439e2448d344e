import { VerificationError } from '../../errors/verification-error.js';
import { QuoteReader } from './quote-reader.js';
import { parseSgxReport, SGX_REPORT_LENGTH } from './sgx-report.js';
import type { SgxReport } from './sgx-report.js';

/** How the quote names the certificate of its platform: 5 is a PEM chain, 2 and 3 an encrypted PPID. */
export interface CertificationData {
  readonly type: number;
  readonly data: Uint8Array;
}

/** Certification data that is a QE report and what certifies it: the one kind version 4 and 5 have (Intel TDX DCAP quote format). */
const QE_CERTIFICATION = 6;

/** r‖s. What vouches for the attestation key follows it. */
const SIGNATURE_LENGTH = 64;

/** ECDSA authentication data of a quote (spec/attestation.md section 6.1). Fields are views into the quote. */
export interface QuoteAuth {
  /** r‖s, 64 bytes, by the attestation key over the quote's signed region. */
  readonly signature: Uint8Array;
  /** x‖y, 64 bytes, P-256. */
  readonly attestationKey: Uint8Array;
  readonly qeReport: SgxReport;
  /** r‖s, 64 bytes, by the platform's PCK key over the QE report. */
  readonly qeReportSignature: Uint8Array;
  readonly qeAuthData: Uint8Array;
  readonly certification: CertificationData;
  /** Everything that vouches for the attestation key: from the key to the end of the certification data. */
  readonly endorsement: Uint8Array;
}

/**
 * Splits authentication data. Each length must be the exact one: real quotes are padded (trap T4), but behind these data.
 * @param nested true for version 4 and 5, where the QE part sits in an outer certification record
 * @throws VerificationError QUOTE_MALFORMED
 */
export function parseQuoteAuth(bytes: Uint8Array, nested: boolean): QuoteAuth {
  const outer = new QuoteReader(bytes);
  outer.bytes(SIGNATURE_LENGTH, 'quote signature');
  outer.bytes(64, 'attestation key');
  if (!nested) return parseQePart(outer, bytes);
  const type = outer.u16('outer certification type');
  if (type !== QE_CERTIFICATION) throw new VerificationError('QUOTE_MALFORMED', `outer certification of type ${type}, not ${QE_CERTIFICATION}`);
  const length = outer.u32('outer certification length');
  const start = outer.offset;
  outer.bytes(length, 'outer certification data');
  outer.end('authentication data');
  // The part is read where it lies, so that `endorsement` stays one contiguous view.
  const reader = new QuoteReader(bytes.subarray(0, start + length));
  reader.bytes(start, 'outer certification header');
  return parseQePart(reader, bytes);
}

/** All of it, from what the reader has before it and the signature and key at the beginning of `bytes`. */
function parseQePart(reader: QuoteReader, bytes: Uint8Array): QuoteAuth {
  const qeReport = parseSgxReport(reader.bytes(SGX_REPORT_LENGTH, 'QE report'));
  const qeReportSignature = reader.bytes(64, 'QE report signature');
  const qeAuthData = reader.bytes(reader.u16('QE authentication data length'), 'QE authentication data');
  const type = reader.u16('certification type');
  const data = reader.bytes(reader.u32('certification length'), 'certification data');
  reader.end('QE certification data');
  return {
    signature: bytes.subarray(0, SIGNATURE_LENGTH),
    attestationKey: bytes.subarray(SIGNATURE_LENGTH, SIGNATURE_LENGTH + 64),
    qeReport,
    qeReportSignature,
    qeAuthData,
    certification: { type, data },
    endorsement: bytes.subarray(SIGNATURE_LENGTH, reader.offset),
  };
}
