import { SNP_REPORT_LENGTH } from '../../attestation/sev-snp/report.js';
import { looksLikeAttestation } from '../../attestation/wire/decode.js';
import { DstackError } from '../../errors/base.js';

/** The command was used wrongly, or a file it needs cannot be read: exit code 2. */
export class VerifyInputError extends DstackError<'INPUT_UNREADABLE' | 'USAGE'> {}

/** Evidence, told apart by its bytes. */
export interface VerifyInput {
  readonly kind: 'quote' | 'snp-report' | 'nsm-document' | 'attestation';
  readonly bytes: Uint8Array;
}

/** Hex text of the largest attestation, and some white space. */
const MAX_FILE_BYTES = 24 * 1024 * 1024;

/**
 * Recognises evidence: an SEV-SNP report by its length, a TDX or SGX quote by its version, an NSM document by its COSE_Sign1
 * head, a versioned attestation by its first byte; each raw or as hex text, with or without `0x` and white space around it.
 * @throws VerifyInputError INPUT_UNREADABLE
 */
export function recogniseEvidence(file: Uint8Array): VerifyInput {
  if (file.length > MAX_FILE_BYTES) throw unreadable(`the file has ${file.length} bytes, at most ${MAX_FILE_BYTES}`);
  const bytes = fromHexText(file) ?? file;
  if (isSnpReport(bytes)) return { kind: 'snp-report', bytes };
  if (isQuote(bytes)) return { kind: 'quote', bytes };
  if (isCoseSign1(bytes)) return { kind: 'nsm-document', bytes };
  if (looksLikeAttestation(bytes)) return { kind: 'attestation', bytes };
  throw unreadable('the file is neither a quote, an SEV-SNP report, an NSM document nor a versioned attestation');
}

/**
 * Report data given as hex: up to 64 bytes, padded with zeros on the right as the agent pads them.
 * @throws VerifyInputError USAGE
 */
export function reportDataOption(text: string): Uint8Array {
  const bytes = fromHexText(Buffer.from(text, 'utf8'));
  if (bytes === null || bytes.length > 64) throw new VerifyInputError('USAGE', '--report-data is not hex of at most 64 bytes');
  const padded = new Uint8Array(64);
  padded.set(bytes);
  return padded;
}

/** Unix seconds, fractions allowed. @throws VerifyInputError USAGE */
export function timeOption(text: string): number {
  if (!/^\d{1,12}(\.\d{1,9})?$/.test(text)) throw new VerifyInputError('USAGE', '--at is not a time in unix seconds');
  return Number(text);
}

/** null when the bytes are not hex text. No binary evidence consists of hex digits alone. */
function fromHexText(file: Uint8Array): Uint8Array | null {
  const text = Buffer.from(file.buffer, file.byteOffset, file.length).toString('latin1').trim().replace(/^0x/i, '');
  if (text === '' || text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return null;
  return Uint8Array.from(Buffer.from(text, 'hex'));
}

/** Its version has four octets; a quote has two, and then a key type that is not 0. */
function isSnpReport(bytes: Uint8Array): boolean {
  return bytes.length === SNP_REPORT_LENGTH && (bytes[0] === 2 || bytes[0] === 3) && bytes.subarray(1, 4).every((byte) => byte === 0);
}

/** Version 3, 4 or 5, little endian. */
function isQuote([low, high]: Uint8Array): boolean {
  return high === 0 && (low === 3 || low === 4 || low === 5);
}

/** Tag 18 in any length, or an array whose first element is a byte string: no MessagePack map begins like that. */
function isCoseSign1([first, second]: Uint8Array): boolean {
  if (first === 0xd2 || (first === 0xd8 && second === 18)) return true;
  return (first === 0x84 || first === 0x9f) && second !== undefined && second >= 0x40 && second <= 0x5f;
}

function unreadable(message: string): VerifyInputError {
  return new VerifyInputError('INPUT_UNREADABLE', message);
}
