import { describe, expect, test } from 'vitest';
import { boolean, contextConstructed, contextPrimitive, integer, sequence, tlv } from '../../src/crypto/der-write.js';
import { VerificationError } from '../../src/errors/verification-error.js';
import { parseCrl, serialKey } from '../../src/x509/crl.js';
import { vector, vectorJson } from '../attestation/vectors.js';
import { crl, testKey } from './mini-ca.js';
import type { CrlOptions } from './mini-ca.js';

const issuer = { subject: 'ca', key: testKey('ca') };
const uri = contextPrimitive(6, Buffer.from('http://crl.test/a'));
const distributionPoint = (...flags: Uint8Array[]): Uint8Array => sequence(contextConstructed(0, contextConstructed(0, uri)), ...flags);

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof VerificationError) return error.code;
    throw error;
  }
  return 'accepted';
}

describe('parseCrl', () => {
  test('reads a list of Intel', () => {
    const { pck_crl: text } = vectorJson<{ pck_crl: string }>('tdx/v4-uptodate.collateral.json');
    const list = parseCrl(Uint8Array.from(Buffer.from(text, 'hex')));
    expect(list.nextUpdate).toBe(1_752_919_235);
    expect(list.revokedSerials.has(serialKey(Buffer.from('6FC34E5023E728923435D61AA4B83C618166AD35', 'hex')))).toBe(true);
    expect(list.revokedSerials.has(serialKey(Buffer.from('00EFAE6E9715FCA13B87E333E8261ED6D990A926AD', 'hex')))).toBe(true);
    expect(list.revokedSerials.has(serialKey(Buffer.from('01', 'hex')))).toBe(false);
  });

  const refused: [string, Partial<CrlOptions>][] = [
    ['version 1', { version: 0 }],
    ['no nextUpdate', { nextUpdate: null }],
    ['no extensions', { extensions: null }],
    ['a delta list', { extensions: [{ oid: '2.5.29.27', value: integer(1) }] }],
    ['an unknown critical extension', { extensions: [{ oid: '1.2.3.4', value: integer(1), critical: true }] }],
    ['a repeated extension', { extensions: [{ oid: '2.5.29.20', value: integer(1) }, { oid: '2.5.29.20', value: integer(2) }] }],
    ['an indirect list', { extensions: [{ oid: '2.5.29.28', value: distributionPoint(contextPrimitive(4, boolean(true).subarray(2))), critical: true }] }],
    ['a list of some reasons', { extensions: [{ oid: '2.5.29.28', value: distributionPoint(contextPrimitive(3, Uint8Array.of(1, 2))) }] }],
    ['a list of attribute certificates', { extensions: [{ oid: '2.5.29.28', value: distributionPoint(contextPrimitive(5, Uint8Array.of(0xff))) }] }],
    ['a distribution point without names', { extensions: [{ oid: '2.5.29.28', value: sequence() }] }],
    ['an entry of another issuer', { revoked: [1], entryExtensions: [{ oid: '2.5.29.29', value: sequence(), critical: true }] }],
    ['an unknown critical entry extension', { revoked: [1], entryExtensions: [{ oid: '1.2.3.4', value: sequence(), critical: true }] }],
  ];
  test.each(refused)('refuses %s', (_name, options) => {
    expect(codeOf(() => parseCrl(crl({ issuer, ...options })))).toBe('CRL_MALFORMED');
  });

  test('accepts reasons and unknown extensions that are not critical', () => {
    const der = crl({
      issuer,
      revoked: [7],
      entryExtensions: [{ oid: '2.5.29.21', value: tlv(0x0a, Uint8Array.of(1)) }],
      extensions: [{ oid: '2.5.29.20', value: integer(1) }, { oid: '1.2.3.4', value: integer(1) }],
    });
    expect([...parseCrl(der).revokedSerials]).toEqual([serialKey(Uint8Array.of(7))]);
  });

  test('refuses any truncation, and bytes that are no list at all', () => {
    const der = crl({ issuer, revoked: [1, 2] });
    for (let length = 0; length < der.length; length++) expect(codeOf(() => parseCrl(der.subarray(0, length)))).toBe('CRL_MALFORMED');
    expect(codeOf(() => parseCrl(Uint8Array.from([...der, 0])))).toBe('CRL_MALFORMED');
    expect(codeOf(() => parseCrl(vector('roots/intel-sgx-root.der')))).toBe('CRL_MALFORMED');
    expect(codeOf(() => parseCrl(new Uint8Array((4 << 20) + 1)))).toBe('CRL_MALFORMED');
  });
});
