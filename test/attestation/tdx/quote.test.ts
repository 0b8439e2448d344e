import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseQuote } from '../../../src/attestation/tdx/quote.js';
import type { TdReport } from '../../../src/attestation/tdx/quote.js';
import { VerificationError } from '../../../src/errors/verification-error.js';
import { quote as makeQuote } from '../dcap/mini-platform.js';
import { hex, unhex, vector, vectorText } from '../vectors.js';

const v4 = vector('tdx/v4-uptodate.quote');
const v5 = vector('tdx/v5-td15.quote');
const sgx = vector('sgx/v3.quote');

function codeOf(bytes: Uint8Array): string {
  try {
    parseQuote(bytes);
  } catch (error) {
    if (error instanceof VerificationError) return error.code;
    throw error;
  }
  return 'accepted';
}

function tdReport(bytes: Uint8Array): TdReport {
  const { report } = parseQuote(bytes);
  if (report.kind === 'sgx') throw new Error('an SGX report');
  return report;
}

/** Absolute offsets of spec/attestation.md section 6.1: version 4, version 5. */
const FIELDS = [
  ['teeTcbSvn', 48, 54, 16], ['mrSeam', 64, 70, 48], ['mrSignerSeam', 112, 118, 48], ['seamAttributes', 160, 166, 8],
  ['tdAttributes', 168, 174, 8], ['xfam', 176, 182, 8], ['mrTd', 184, 190, 48], ['mrConfigId', 232, 238, 48],
  ['mrOwner', 280, 286, 48], ['mrOwnerConfig', 328, 334, 48], ['reportData', 568, 574, 64],
] as const;

describe('parseQuote', () => {
  test.each(FIELDS)('%s lies where it should', (field, at4, at5, length) => {
    expect(hex(tdReport(v4)[field])).toBe(hex(v4.subarray(at4, at4 + length)));
    expect(hex(tdReport(v5)[field])).toBe(hex(v5.subarray(at5, at5 + length)));
  });

  test('registers and the fields of TDX 1.5', () => {
    expect(tdReport(v4).rtmrs.map(hex)).toEqual([376, 424, 472, 520].map((at) => hex(v4.subarray(at, at + 48))));
    expect(tdReport(v5).rtmrs.map(hex)).toEqual([382, 430, 478, 526].map((at) => hex(v5.subarray(at, at + 48))));
    expect(tdReport(v4)).toMatchObject({ kind: 'td10', teeTcbSvn2: null, mrServiceTd: null });
    const { kind, teeTcbSvn2, mrServiceTd } = tdReport(v5);
    expect([kind, hex(teeTcbSvn2 ?? v5), hex(mrServiceTd ?? v5)]).toEqual(['td15', hex(v5.subarray(638, 654)), hex(v5.subarray(654, 702))]);
  });

  test('the signed region of every layout', () => {
    const lengths = [v4, v5, sgx, makeQuote({ version: 5, bodyType: 2 })].map((bytes) => parseQuote(bytes).signedRegion.length);
    expect(lengths).toEqual([632, 702, 432, 638]);
  });

  test('an SGX report', () => {
    const { report, header } = parseQuote(sgx);
    expect(header).toMatchObject({ version: 3, teeType: 0, attestationKeyType: 2 });
    if (report.kind !== 'sgx') throw new Error('not an SGX report');
    expect(hex(report.mrEnclave)).toBe(hex(sgx.subarray(112, 144)));
    expect(hex(report.mrSigner)).toBe(hex(sgx.subarray(176, 208)));
    expect(hex(report.reportData)).toBe(hex(sgx.subarray(368, 432)));
    expect(report.cpuSvn).toHaveLength(16);
  });

  test('authentication data with a PEM chain that ends in NUL, and padding after it', () => {
    const { auth } = parseQuote(v4);
    expect(auth.certification.type).toBe(5);
    expect(auth.certification.data.at(-1)).toBe(0);
    expect(auth.qeAuthData).toHaveLength(32);
    expect(auth.endorsement.length).toBe(4300 - 64);
    expect(hex(auth.endorsement.subarray(0, 64))).toBe(hex(auth.attestationKey));
    expect(parseQuote(v4.subarray(0, v4.length - 70))).toEqual(parseQuote(v4));
  });

  test('fields are views into the quote', () => {
    const bytes = Uint8Array.from(v4);
    const { report } = parseQuote(bytes);
    bytes[568] = 0x5a;
    expect(report.reportData[0]).toBe(0x5a);
    expect(parseQuote(Buffer.from(v4)).report.reportData.constructor).toBe(Uint8Array);
  });

  test('a quote recorded as hex text', () => {
    expect(parseQuote(unhex(vectorText('tdx/v4-nocollateral.hex').trim().slice(2))).header.version).toBe(4);
  });
});

describe('malformed quotes', () => {
  const patched = (bytes: Uint8Array, at: number, ...values: number[]): Uint8Array => {
    const copy = Uint8Array.from(bytes);
    copy.set(values, at);
    return copy;
  };
  test.each([
    ['empty', new Uint8Array(), 'QUOTE_MALFORMED'],
    ['version 2', patched(v4, 0, 2), 'QUOTE_VERSION_UNSUPPORTED'],
    ['version 6', patched(v4, 0, 6), 'QUOTE_VERSION_UNSUPPORTED'],
    ['version 0x0104', patched(v4, 1, 1), 'QUOTE_VERSION_UNSUPPORTED'],
    ['unknown TEE in version 4', patched(v4, 4, 0x80), 'QUOTE_TEE_TYPE_UNSUPPORTED'],
    ['body type 0', patched(v5, 48, 0), 'QUOTE_MALFORMED'],
    ['body type 4', patched(v5, 48, 4), 'QUOTE_MALFORMED'],
    ['authentication data longer than the quote', patched(v4, 632, 0xff, 0xff, 0xff, 0xff), 'QUOTE_MALFORMED'],
    ['outer certification data longer than the authentication data', patched(v4, 766, 0xff, 0xff, 0xff, 0x7f), 'QUOTE_MALFORMED'],
    ['QE authentication data longer than its record', patched(v4, 770 + 448, 0xff, 0xff), 'QUOTE_MALFORMED'],
    ['certification data longer than its record', patched(v4, 770 + 450 + 34, 0xff, 0xff, 0xff, 0x7f), 'QUOTE_MALFORMED'],
    ['more than 1 MiB', patched(new Uint8Array((1 << 20) + 1), 0, ...v4), 'QUOTE_MALFORMED'],
  ])('%s', (_name, bytes, code) => {
    expect(codeOf(bytes)).toBe(code);
  });

  test('nothing but a VerificationError comes out of any bytes', () => {
    const header = fc.constantFrom(v4, v5, sgx).chain((bytes) => fc.record({ bytes: fc.constant(bytes), at: fc.nat(bytes.length - 1), patch: fc.uint8Array({ maxLength: 8 }), length: fc.nat(bytes.length) }));
    fc.assert(
      fc.property(header, ({ bytes, at, patch, length }) => {
        const copy = Uint8Array.from(bytes);
        copy.set(patch.subarray(0, bytes.length - at), at);
        codeOf(copy.subarray(0, length));
      }),
      { numRuns: 2000 },
    );
  });
});
