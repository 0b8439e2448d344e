import { describe, expect, test } from 'vitest';
import { parsePckExtension, PCK_EXTENSION_OID, pckCaOf } from '../../../src/attestation/tdx/pck-extension.js';
import { parseQuote } from '../../../src/attestation/tdx/quote.js';
import { integer, octetString, oid, sequence } from '../../../src/crypto/der-write.js';
import { VerificationError } from '../../../src/errors/verification-error.js';
import { parseCertificate } from '../../../src/x509/certificate.js';
import type { Certificate } from '../../../src/x509/certificate.js';
import { parsePemChain } from '../../../src/x509/pem.js';
import { enumerated, name } from '../../x509/mini-ca.js';
import { pckExtension } from '../dcap/mini-platform.js';
import { hex, vector } from '../vectors.js';

function leafOf(quote: string): Certificate {
  const [leaf = new Uint8Array()] = parsePemChain(Buffer.from(parseQuote(vector(quote)).auth.certification.data).toString('latin1'), 3);
  return parseCertificate(leaf);
}

function codeOf(value: Uint8Array): string {
  try {
    parsePckExtension(value);
  } catch (error) {
    if (error instanceof VerificationError) return error.code;
    throw error;
  }
  return 'accepted';
}

const entry = (suffix: string, value: Uint8Array): Uint8Array => sequence(oid(`${PCK_EXTENSION_OID}.${suffix}`), value);
const tcb = sequence(entry('2.17', integer(3)), entry('2.18', octetString(new Uint8Array(16))));
const ENTRIES: Readonly<Record<string, Uint8Array>> = {
  '1': octetString(new Uint8Array(16)),
  '2': tcb,
  '3': octetString(new Uint8Array(2)),
  '4': octetString(new Uint8Array(6)),
  '5': enumerated(0),
};
const build = (changes: Record<string, Uint8Array | null>): Uint8Array =>
  sequence(...Object.entries({ ...ENTRIES, ...changes }).flatMap(([suffix, value]) => (value === null ? [] : [entry(suffix, value)])));

describe('the SGX extension', () => {
  test('of a real platform', () => {
    const leaf = leafOf('tdx/v4-uptodate.quote');
    const value = leaf.extensions.get(PCK_EXTENSION_OID)?.value ?? new Uint8Array();
    const { ppid, fmspc, pceSvn, pceId, cpuSvn } = parsePckExtension(value);
    expect([hex(ppid), hex(fmspc), pceSvn, hex(pceId), cpuSvn.length]).toEqual(['811dca2a26b952e85bb6448b097ba4fd', 'b0c06f000000', 11, '0000', 16]);
    expect(pckCaOf(leaf.issuerRaw)).toBe('platform');
    expect(pckCaOf(leafOf('sgx/v3.quote').issuerRaw)).toBe('processor');
  });

  test('the CA is the processor one when its name says neither or both', () => {
    expect(pckCaOf(name('Some CA'))).toBe('processor');
    expect(pckCaOf(name('Platform and Processor CA'))).toBe('processor');
  });

  test('the first of two entries of one kind counts', () => {
    const twice = sequence(entry('4', octetString(Uint8Array.of(9, 9, 9, 9, 9, 9))), ...Object.entries(ENTRIES).map(([suffix, value]) => entry(suffix, value)));
    expect(hex(parsePckExtension(twice).fmspc)).toBe('090909090909');
  });

  test('unknown entries are passed over', () => {
    expect(codeOf(build({ '9': integer(1) }))).toBe('accepted');
  });

  test.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['no PPID', build({ '1': null })],
    ['a PPID of 15 bytes', build({ '1': octetString(new Uint8Array(15)) })],
    ['no TCB', build({ '2': null })],
    ['no PCE id', build({ '3': null })],
    ['no FMSPC', build({ '4': null })],
    ['an FMSPC of 5 bytes', build({ '4': octetString(new Uint8Array(5)) })],
    ['no SGX type', build({ '5': null })],
    ['an SGX type that is not enumerated', build({ '5': integer(0) })],
    ['no PCESVN', build({ '2': sequence(entry('2.18', octetString(new Uint8Array(16)))) })],
    ['a PCESVN of three octets', build({ '2': sequence(entry('2.17', integer(0x8000)), entry('2.18', octetString(new Uint8Array(16)))) })],
    ['a CPUSVN of 15 bytes', build({ '2': sequence(entry('2.17', integer(1)), entry('2.18', octetString(new Uint8Array(15)))) })],
    ['an entry with three parts', sequence(sequence(oid('1.2.3'), integer(1), integer(2)))],
    ['an entry that is no sequence', sequence(integer(1))],
    ['65 entries', sequence(...Array.from({ length: 65 }, (_, i) => sequence(oid(`1.2.${i}`), integer(1))))],
  ])('refuses %s', (_name, value) => {
    expect(codeOf(value)).toBe('PCK_EXTENSION_MALFORMED');
  });

  test('refuses every truncation', () => {
    const { value } = pckExtension();
    for (let length = 0; length < value.length; length++) expect(codeOf(value.subarray(0, length))).toBe('PCK_EXTENSION_MALFORMED');
  });
});
