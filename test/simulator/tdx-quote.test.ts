import { QuoteVerifier } from '@phala/dcap-qvl';
import { describe, expect, it } from 'vitest';
import { verifyQuote } from '../../src/attestation/dcap/verify-quote.js';
import type { QuoteCollateral } from '../../src/attestation/collateral.js';
import type { TcbStatus } from '../../src/attestation/dcap/tcb-status.js';
import { AppraisalError } from '../../src/errors/appraisal-error.js';
import { VerificationError } from '../../src/errors/verification-error.js';
import { createDevelopmentCollateral, UP_TO_DATE } from '../../src/simulator/tdx-collateral.js';
import { DEVELOPMENT_MACHINE } from '../../src/simulator/tdx-machine.js';
import { createDevelopmentTdxPki } from '../../src/simulator/tdx-pki.js';
import { createDevelopmentQuoter } from '../../src/simulator/tdx-quote.js';
import { vector } from '../attestation/vectors.js';
import { collateral, NOW, otherSeed, pki, quoter, reportData, seed, td, thrownBy } from './development.js';

const intelRoot = vector('roots/intel-sgx-root.der');
const quote = quoter.quote(td, reportData);
const under = { now: NOW, root: pki.root };

function refusal(run: () => unknown): string {
  const error = thrownBy(run);
  if (error instanceof VerificationError || error instanceof AppraisalError) return error.code;
  throw error;
}

/** The independent verifier's answer for the same inputs. */
function oracle(bytes: Uint8Array, of: QuoteCollateral, root: Uint8Array): { status: string; advisories: string[] } {
  const answer = QuoteVerifier.newWithRootCa(Buffer.from(root)).verify(bytes, oracleForm(of), NOW);
  return { status: String(answer.status), advisories: answer.advisory_ids };
}

function oracleForm(of: QuoteCollateral): Parameters<QuoteVerifier['verify']>[1] {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  return {
    pck_crl_issuer_chain: of.pckCrlIssuerChain,
    root_ca_crl: hex(of.rootCaCrl),
    pck_crl: hex(of.pckCrl),
    tcb_info_issuer_chain: of.tcbInfoIssuerChain,
    tcb_info: of.tcbInfo,
    tcb_info_signature: hex(of.tcbInfoSignature),
    qe_identity_issuer_chain: of.qeIdentityIssuerChain,
    qe_identity: of.qeIdentity,
    qe_identity_signature: hex(of.qeIdentitySignature),
  };
}

describe('development quotes under their root', () => {
  it('are accepted by the production verifier with every field as given', () => {
    const verdict = verifyQuote(quote, collateral, under);
    expect(verdict).toMatchObject({ status: 'UpToDate', advisoryIds: [], teeType: 'tdx', version: 4, ppid: pki.ppid, fmspc: DEVELOPMENT_MACHINE.fmspc });
    expect(verdict.report).toMatchObject({ kind: 'td10', ...td, reportData, mrSeam: DEVELOPMENT_MACHINE.mrSeam });
  });

  it('are accepted by an independent verifier', () => {
    expect(oracle(quote, collateral, pki.root)).toEqual({ status: 'UpToDate', advisories: [] });
  });

  it('are refused under the vendor root by both', () => {
    expect(refusal(() => verifyQuote(quote, collateral, { now: NOW, root: intelRoot }))).toBe('CRL_NOT_FOUND');
    expect(() => oracle(quote, collateral, intelRoot)).toThrow();
  });

  it('are refused under the root and collateral of another seed', () => {
    const other = createDevelopmentTdxPki(otherSeed);
    expect(refusal(() => verifyQuote(quote, createDevelopmentCollateral(other, { now: NOW }), { now: NOW, root: other.root }))).toBe('CERTIFICATE_SIGNATURE_INVALID');
  });

  it('of one seed share certificates and attestation key from process to process', () => {
    const again = createDevelopmentQuoter(seed, createDevelopmentTdxPki(seed)).quote(td, reportData);
    const signature = [48 + 584 + 4, 48 + 584 + 4 + 64] as const;
    expect(again.subarray(0, signature[0])).toEqual(quote.subarray(0, signature[0]));
    expect(again.subarray(signature[1])).toEqual(quote.subarray(signature[1]));
    expect(verifyQuote(again, collateral, under).status).toBe('UpToDate');
  });
});

describe('what development collateral says of the TCB', () => {
  it.each<TcbStatus>(['SWHardeningNeeded', 'ConfigurationNeeded', 'ConfigurationAndSWHardeningNeeded', 'OutOfDate', 'OutOfDateConfigurationNeeded'])(
    'is reported as %s by both verifiers',
    (status) => {
      const stale = createDevelopmentCollateral(pki, { now: NOW }, { ...UP_TO_DATE, status, advisoryIds: ['INTEL-SA-00001'] });
      expect(verifyQuote(quote, stale, under)).toMatchObject({ status, advisoryIds: ['INTEL-SA-00001'] });
      expect(oracle(quote, stale, pki.root)).toMatchObject({ status, advisories: ['INTEL-SA-00001'] });
    },
  );

  it('is refused when Revoked', () => {
    const revoked = createDevelopmentCollateral(pki, { now: NOW }, { ...UP_TO_DATE, status: 'Revoked' });
    expect(refusal(() => verifyQuote(quote, revoked, under))).toBe('TCB_REVOKED');
    expect(() => oracle(quote, revoked, pki.root)).toThrow();
  });

  it.each(['pck', 'pck-ca', 'tcb-signer'] as const)('is refused when the revocation list names the %s certificate', (certificate) => {
    const revoked = createDevelopmentCollateral(pki, { now: NOW }, { ...UP_TO_DATE, revoked: certificate });
    expect(refusal(() => verifyQuote(quote, revoked, under))).toBe('CERTIFICATE_REVOKED');
    expect(() => oracle(quote, revoked, pki.root)).toThrow();
  });

  it('is refused for another FMSPC', () => {
    const tcbInfo = collateral.tcbInfo.replace('"fmspc":"D5D5D5D5D5D5"', '"fmspc":"000000000000"');
    expect(tcbInfo).not.toBe(collateral.tcbInfo);
    const foreign = { ...collateral, tcbInfo, tcbInfoSignature: pki.keys.tcbSigner.sign(Buffer.from(tcbInfo)) };
    expect(refusal(() => verifyQuote(quote, foreign, under))).toBe('FMSPC_MISMATCH');
  });

  it('is good from a day before to 30 days after, and the same within an hour', () => {
    expect(verifyQuote(quote, collateral, { ...under, now: NOW - 23 * 3600 }).status).toBe('UpToDate');
    expect(refusal(() => verifyQuote(quote, collateral, { ...under, now: NOW - 26 * 3600 }))).toBe('TCB_INFO_NOT_YET_VALID');
    expect(verifyQuote(quote, collateral, { ...under, now: NOW + 29 * 86_400 }).status).toBe('UpToDate');
    expect(refusal(() => verifyQuote(quote, collateral, { ...under, now: NOW + 31 * 86_400 }))).toBe('TCB_INFO_EXPIRED');
    expect(createDevelopmentCollateral(pki, { now: NOW + 60 })).toEqual(collateral);
    expect(createDevelopmentCollateral(pki, { now: NOW + 3600 })).not.toEqual(collateral);
  });
});

describe('faults on purpose', () => {
  it('a debug domain is refused by appraisal', () => {
    const debug = quoter.quote({ ...td, tdAttributes: Uint8Array.of(1, 0, 0, 0x10, 0, 0, 0, 0) }, reportData);
    const error = thrownBy(() => verifyQuote(debug, collateral, under));
    expect(error).toBeInstanceOf(AppraisalError);
    expect(refusal(() => verifyQuote(debug, collateral, under))).toBe('DEBUG_MODE');
    expect(() => oracle(debug, collateral, pki.root)).toThrow();
  });

  it.each([
    ['quote-signature', 'QUOTE_SIGNATURE_INVALID'],
    ['qe-report-signature', 'QE_REPORT_SIGNATURE_INVALID'],
  ] as const)('a spoiled %s is refused', (fault, code) => {
    const bad = quoter.quote(td, reportData, fault);
    expect(refusal(() => verifyQuote(bad, collateral, under))).toBe(code);
    expect(() => oracle(bad, collateral, pki.root)).toThrow();
  });

  it.each([
    ['mrTd', { ...td, mrTd: new Uint8Array(47) }, reportData],
    ['tdAttributes', { ...td, tdAttributes: new Uint8Array(9) }, reportData],
    ['rtmrs[3]', { ...td, rtmrs: [td.mrTd, td.mrTd, td.mrTd, new Uint8Array()] as const }, reportData],
    ['reportData', td, new Uint8Array(63)],
  ])('a field of the wrong length (%s) is a TypeError', (_field, measurements, data) => {
    expect(() => quoter.quote(measurements, data)).toThrow(TypeError);
  });
});

it('a quote takes well under two milliseconds', () => {
  const started = process.cpuUsage();
  for (let i = 0; i < 200; i++) quoter.quote(td, reportData);
  const used = process.cpuUsage(started);
  expect((used.user + used.system) / 200).toBeLessThan(2000);
});
