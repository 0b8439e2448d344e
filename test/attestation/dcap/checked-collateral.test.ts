import { describe, expect, test } from 'vitest';
import { checkCollateral } from '../../../src/attestation/dcap/checked-collateral.js';
import { verifyQuote, verifyQuoteWith } from '../../../src/attestation/dcap/verify-quote.js';
import { VerificationError } from '../../../src/errors/verification-error.js';
import { certificate, crl, pem, testKey } from '../../x509/mini-ca.js';
import { attestationKey, collateral, NOW, pckCa, pckExtension, pckLeaf, quote, root } from './mini-platform.js';

const options = { root: root.der, now: NOW };
const NEXT_UPDATE = Date.parse('2027-02-14T00:00:00Z') / 1000;

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof VerificationError) return error.code;
    throw error;
  }
  return 'accepted';
}

describe('checked collateral', () => {
  test('gives the verdict of the unchecked way, the first time and from memory', () => {
    const given = quote();
    const checked = checkCollateral(collateral(), options);
    const cold = verifyQuote(given, collateral(), options);
    expect(verifyQuoteWith(checked, given, NOW)).toEqual(cold);
    expect(verifyQuoteWith(checked, given, NOW)).toEqual(cold);
  });

  test('what it remembers about one quote is not believed about another', () => {
    const checked = checkCollateral(collateral(), options);
    const genuine = quote();
    verifyQuoteWith(checked, genuine, NOW);
    const otherBody = Uint8Array.from(genuine);
    otherBody[200] = 1;
    expect(codeOf(() => verifyQuoteWith(checked, otherBody, NOW))).toBe('QUOTE_SIGNATURE_INVALID');
    // The remembered endorsement with another key in front of it.
    const otherKey = Uint8Array.from(genuine);
    otherKey.set(quote({ attestationKey: testKey('mallory') }).subarray(636, 764), 636);
    expect(codeOf(() => verifyQuoteWith(checked, otherKey, NOW))).toBe('QE_REPORT_DATA_MISMATCH');
    // The remembered chain but for the end of its leaf's signature.
    const forged = pem(pckLeaf, pckCa).replace(/.{8}(?=.{4}\n-----END)/, 'AAAAAAAA');
    expect(forged.slice(0, 128)).toBe(pem(pckLeaf, pckCa).slice(0, 128));
    expect(codeOf(() => verifyQuoteWith(checked, quote({ attestationKey: testKey('third'), certification: { type: 5, data: Buffer.from(forged) } }), NOW))).toBe('CERTIFICATE_SIGNATURE_INVALID');
    // A fresh key of the same platform is a new endorsement over the remembered chain.
    expect(codeOf(() => verifyQuoteWith(checked, quote({ attestationKey: testKey('second') }), NOW))).toBe('accepted');
    expect(codeOf(() => verifyQuoteWith(checked, quote({ pckKey: testKey('mallory') }), NOW))).toBe('QE_REPORT_SIGNATURE_INVALID');
  });

  test('refusals are not remembered as acceptances', () => {
    const checked = checkCollateral(collateral({ changes: { pckCrl: crl({ issuer: pckCa, revoked: [3] }) } }), options);
    for (let i = 0; i < 3; i++) expect(codeOf(() => verifyQuoteWith(checked, quote(), NOW))).toBe('CERTIFICATE_REVOKED');
  });

  test('changing the bytes of a quote after its verdict changes nothing remembered', () => {
    const checked = checkCollateral(collateral(), options);
    const given = quote();
    const verdict = verifyQuoteWith(checked, given, NOW);
    given.fill(0xff, 1200);
    verdict.ppid.fill(0);
    verdict.fmspc.fill(0);
    const again = verifyQuoteWith(checked, quote(), NOW);
    expect(again).toEqual(verifyQuote(quote(), collateral(), options));
    expect(codeOf(() => verifyQuoteWith(checked, given, NOW))).not.toBe('accepted');
  });

  test('time is judged at each use', () => {
    const leaf = certificate({ subject: 'p', key: pckLeaf.key, issuer: pckCa, notAfter: NOW + 60, extensions: [pckExtension()] });
    const given = quote({ certification: { type: 5, data: Buffer.from(pem(leaf, pckCa)) } });
    const checked = checkCollateral(collateral(), options);
    expect(checked.validUntil).toBe(NEXT_UPDATE);
    expect(verifyQuoteWith(checked, given, NOW).validUntil).toBe(NOW + 60);
    expect(codeOf(() => verifyQuoteWith(checked, given, NOW + 60))).toBe('accepted');
    expect(codeOf(() => verifyQuoteWith(checked, given, NOW + 60.9))).toBe('accepted');
    expect(codeOf(() => verifyQuoteWith(checked, given, NOW + 61))).toBe('CERTIFICATE_EXPIRED');
    expect(codeOf(() => verifyQuoteWith(checked, given, NOW - 5_000_000))).toBe('TCB_INFO_NOT_YET_VALID');
    expect(codeOf(() => verifyQuoteWith(checked, given, NEXT_UPDATE + 1))).toBe('TCB_INFO_EXPIRED');
    expect(codeOf(() => verifyQuoteWith(checked, given, Number.NaN))).not.toBe('accepted');
  });

  test('validUntil is the second before a list expires, and the verdict holds until then', () => {
    const checked = checkCollateral(collateral({ changes: { pckCrl: crl({ issuer: pckCa, nextUpdate: NOW + 10 }) } }), options);
    const verdict = verifyQuoteWith(checked, quote(), NOW);
    expect(verdict.validUntil).toBe(NOW + 9);
    expect(codeOf(() => verifyQuoteWith(checked, quote(), verdict.validUntil))).toBe('accepted');
    expect(codeOf(() => verifyQuoteWith(checked, quote(), verdict.validUntil + 1))).toBe('CRL_EXPIRED');
  });

  test('remembers a bounded number of platforms', () => {
    const checked = checkCollateral(collateral(), options);
    for (let i = 0; i < 300; i++) {
      // The certificates may be followed by any number of NULs, so each quote is another endorsement.
      const data = Buffer.from(`${pem(pckLeaf, pckCa)}${'\0'.repeat(i)}`);
      verifyQuoteWith(checked, quote({ attestationKey, certification: { type: 5, data } }), NOW);
    }
    expect(checked.memory.endorsements.size).toBe(256);
    // However its certificates are written down, a platform has one place.
    expect(checked.memory.pckChains.size).toBe(1);
  });

  test('judges a quote with much white space behind its certificates, and does not keep that text', () => {
    const checked = checkCollateral(collateral(), options);
    const data = Buffer.from(`${pem(pckLeaf, pckCa)}${' '.repeat(16_384)}`);
    expect(codeOf(() => verifyQuoteWith(checked, quote({ certification: { type: 5, data } }), NOW))).toBe('accepted');
    expect(checked.memory.endorsements.size + checked.memory.pckChains.size).toBe(0);
  });
});
