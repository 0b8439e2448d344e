import { VerificationError } from '../../errors/verification-error.js';
import { parseQuoteAuth } from './quote-auth.js';
import type { QuoteAuth } from './quote-auth.js';
import { MAX_QUOTE_LENGTH, QuoteReader } from './quote-reader.js';
import { parseSgxReport, SGX_REPORT_LENGTH } from './sgx-report.js';
import type { SgxReport } from './sgx-report.js';

export const TEE_TYPE_SGX = 0;
export const TEE_TYPE_TDX = 0x81;

/** First 48 bytes of every quote. */
export interface QuoteHeader {
  readonly version: 3 | 4 | 5;
  readonly attestationKeyType: number;
  /** 0 SGX, 0x81 TDX; anything else is for the verifier to refuse. */
  readonly teeType: number;
  readonly qeSvn: number;
  readonly pceSvn: number;
  /** 16 bytes. */
  readonly qeVendorId: Uint8Array;
  /** 20 bytes; the first 16 are the QE id. */
  readonly userData: Uint8Array;
}

/** What a TDX module says about a trust domain (spec/attestation.md section 6.1). Fields are views into the quote. */
export interface TdReport {
  /** TDX 1.0 (584 bytes) or 1.5 (648 bytes). */
  readonly kind: 'td10' | 'td15';
  /** 16 bytes. */
  readonly teeTcbSvn: Uint8Array;
  /** 48 bytes, as every measurement below. */
  readonly mrSeam: Uint8Array;
  readonly mrSignerSeam: Uint8Array;
  /** 8 bytes, as tdAttributes and xfam. */
  readonly seamAttributes: Uint8Array;
  readonly tdAttributes: Uint8Array;
  readonly xfam: Uint8Array;
  readonly mrTd: Uint8Array;
  readonly mrConfigId: Uint8Array;
  readonly mrOwner: Uint8Array;
  readonly mrOwnerConfig: Uint8Array;
  readonly rtmrs: readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  /** 64 bytes. */
  readonly reportData: Uint8Array;
  /** 16 bytes; null for TDX 1.0. */
  readonly teeTcbSvn2: Uint8Array | null;
  /** 48 bytes; null for TDX 1.0. */
  readonly mrServiceTd: Uint8Array | null;
}

/** A quote split into its parts, none of it verified. Every byte field is a view into the input. */
export interface Quote {
  readonly header: QuoteHeader;
  readonly report: TdReport | SgxReport;
  /** What the attestation key signed: header, body descriptor (version 5) and body. */
  readonly signedRegion: Uint8Array;
  readonly auth: QuoteAuth;
}

const TD10_LENGTH = 584;
const TD15_LENGTH = 648;

/**
 * Splits a quote of version 3, 4 or 5 (spec/attestation.md section 6.1). Bytes after the
 * authentication data are ignored.
 * @throws VerificationError QUOTE_VERSION_UNSUPPORTED, QUOTE_TEE_TYPE_UNSUPPORTED when the TEE type
 *   decides the layout and is unknown, QUOTE_MALFORMED for everything else
 */
export function parseQuote(input: Uint8Array): Quote {
  if (input.length > MAX_QUOTE_LENGTH) {
    throw new VerificationError('QUOTE_MALFORMED', `quote of ${input.length} bytes, at most ${MAX_QUOTE_LENGTH}`);
  }
  // A plain Uint8Array even when given a Buffer, whose methods differ.
  const reader = new QuoteReader(new Uint8Array(input.buffer, input.byteOffset, input.byteLength));
  const header = parseHeader(reader);
  const report = parseBody(reader, header);
  const signedRegion = reader.since(0);
  const authData = reader.bytes(reader.u32('authentication data length'), 'authentication data');
  return { header, report, signedRegion, auth: parseQuoteAuth(authData, header.version !== 3) };
}

function parseHeader(reader: QuoteReader): QuoteHeader {
  const version = reader.u16('version');
  if (version !== 3 && version !== 4 && version !== 5) {
    throw new VerificationError('QUOTE_VERSION_UNSUPPORTED', `quote version ${version} is not 3, 4 or 5`);
  }
  return {
    version,
    attestationKeyType: reader.u16('attestation key type'),
    teeType: reader.u32('TEE type'),
    qeSvn: reader.u16('QE SVN'),
    pceSvn: reader.u16('PCE SVN'),
    qeVendorId: reader.bytes(16, 'QE vendor id'),
    userData: reader.bytes(20, 'user data'),
  };
}

function parseBody(reader: QuoteReader, header: QuoteHeader): TdReport | SgxReport {
  switch (bodyType(reader, header)) {
    case 1:
      return parseSgxReport(reader.bytes(SGX_REPORT_LENGTH, 'SGX report'));
    case 2:
      return parseTdReport(reader.bytes(TD10_LENGTH, 'TD report'), 'td10');
    case 3:
      return parseTdReport(reader.bytes(TD15_LENGTH, 'TD report'), 'td15');
    default:
      throw new VerificationError('QUOTE_MALFORMED', 'quote body type is not 1, 2 or 3');
  }
}

/** Version 5 says it; before, version 3 is always SGX and version 4 follows the TEE type. */
function bodyType(reader: QuoteReader, header: QuoteHeader): number {
  if (header.version === 5) {
    const type = reader.u16('body type');
    reader.u32('body size'); // says nothing the type does not; the type decides
    return type;
  }
  if (header.version === 3 || header.teeType === TEE_TYPE_SGX) return 1;
  if (header.teeType === TEE_TYPE_TDX) return 2;
  throw new VerificationError('QUOTE_TEE_TYPE_UNSUPPORTED', `TEE type 0x${header.teeType.toString(16)} is neither SGX nor TDX`);
}

function parseTdReport(body: Uint8Array, kind: TdReport['kind']): TdReport {
  const at = (offset: number, length: number): Uint8Array => body.subarray(offset, offset + length);
  return {
    kind,
    teeTcbSvn: at(0, 16),
    mrSeam: at(16, 48),
    mrSignerSeam: at(64, 48),
    seamAttributes: at(112, 8),
    tdAttributes: at(120, 8),
    xfam: at(128, 8),
    mrTd: at(136, 48),
    mrConfigId: at(184, 48),
    mrOwner: at(232, 48),
    mrOwnerConfig: at(280, 48),
    rtmrs: [at(328, 48), at(376, 48), at(424, 48), at(472, 48)],
    reportData: at(520, 64),
    teeTcbSvn2: kind === 'td15' ? at(584, 16) : null,
    mrServiceTd: kind === 'td15' ? at(600, 48) : null,
  };
}
