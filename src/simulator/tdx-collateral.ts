import type { CollateralGetter, QuoteCollateral } from '../attestation/collateral.js';
import type { TcbStatus } from '../attestation/dcap/tcb-status.js';
import { CollateralError } from '../errors/collateral-error.js';
import { DEVELOPMENT_MACHINE } from './tdx-machine.js';
import { pckCrl, rootCaCrl } from './tdx-pki.js';
import type { DevelopmentTdxPki, RevocableCertificate } from './tdx-pki.js';

/** What development collateral says of the development machine, for trying out policies and refusals. */
export interface TcbVerdict {
  readonly status: TcbStatus;
  readonly advisoryIds: readonly string[];
  /** A certificate its issuer's revocation list names, or null. */
  readonly revoked: RevocableCertificate | null;
}

export const UP_TO_DATE: TcbVerdict = { status: 'UpToDate', advisoryIds: [], revoked: null };

const DAY = 86_400;
const HOUR = 3_600;

/**
 * Collateral for the development machine. Dated a day back and valid for 30 days; times are those of
 * the full hour, so that within an hour it is the same byte for byte.
 * @param at.now Unix seconds
 */
export function createDevelopmentCollateral(pki: DevelopmentTdxPki, at: { readonly now: number }, verdict: TcbVerdict = UP_TO_DATE): QuoteCollateral {
  const hour = Math.floor(at.now / HOUR) * HOUR;
  const dates = { issueDate: isoTime(hour - DAY), nextUpdate: isoTime(hour + 30 * DAY) };
  const tcbInfo = JSON.stringify(tcbInfoOf(dates, verdict));
  const qeIdentity = JSON.stringify(qeIdentityOf(dates));
  return {
    pckCrlIssuerChain: pki.pckCaChainPem,
    rootCaCrl: rootCaCrl(pki, verdict.revoked),
    pckCrl: pckCrl(pki, verdict.revoked),
    tcbInfoIssuerChain: pki.tcbSignerChainPem,
    tcbInfo,
    tcbInfoSignature: pki.keys.tcbSigner.sign(Buffer.from(tcbInfo, 'utf8')),
    qeIdentityIssuerChain: pki.tcbSignerChainPem,
    qeIdentity,
    qeIdentitySignature: pki.keys.tcbSigner.sign(Buffer.from(qeIdentity, 'utf8')),
    pckCertificateChain: null,
  };
}

/**
 * Answers for the development machine alone, with the same object all through an hour.
 * @param clock Unix seconds
 */
export function createDevelopmentCollateralGetter(pki: DevelopmentTdxPki, clock: () => number, verdict: TcbVerdict = UP_TO_DATE): CollateralGetter {
  let latest: { readonly hour: number; readonly collateral: QuoteCollateral } | null = null;
  return {
    async getCollateral({ tee, fmspc, ca }) {
      if (tee !== 'tdx' || ca !== 'platform' || !Buffer.from(DEVELOPMENT_MACHINE.fmspc).equals(fmspc)) {
        const wanted = `${tee} ${Buffer.from(fmspc).toString('hex')} (${ca})`;
        throw new CollateralError('COLLATERAL_UNAVAILABLE', `the development platform has no collateral for ${wanted}`);
      }
      const now = clock();
      const hour = Math.floor(now / HOUR);
      if (latest?.hour !== hour) latest = { hour, collateral: createDevelopmentCollateral(pki, { now }, verdict) };
      return latest.collateral;
    },
  };
}

interface Dates {
  readonly issueDate: string;
  readonly nextUpdate: string;
}

/** TCB info version 3 with one level, the machine's own (spec/attestation.md section 6.5; key order as Intel's). */
function tcbInfoOf(dates: Dates, verdict: TcbVerdict): object {
  const { fmspc, pceId, cpuSvn, pceSvn, teeTcbSvn } = DEVELOPMENT_MACHINE;
  return {
    id: 'TDX',
    version: 3,
    ...dates,
    fmspc: upperHex(fmspc),
    pceId: upperHex(pceId),
    tcbType: 0,
    tcbEvaluationDataNumber: 1,
    tdxModule: { mrsigner: '0'.repeat(96), attributes: '0'.repeat(16), attributesMask: 'F'.repeat(16) },
    tcbLevels: [
      {
        tcb: { sgxtcbcomponents: components(cpuSvn), pcesvn: pceSvn, tdxtcbcomponents: components(teeTcbSvn) },
        tcbDate: dates.issueDate,
        tcbStatus: verdict.status,
        advisoryIDs: verdict.advisoryIds,
      },
    ],
  };
}

/** The quoting enclave exactly as its reports describe it: all masks set. */
function qeIdentityOf(dates: Dates): object {
  const { mrSigner, isvProdId, isvSvn } = DEVELOPMENT_MACHINE.quotingEnclave;
  return {
    id: 'TD_QE',
    version: 2,
    ...dates,
    tcbEvaluationDataNumber: 1,
    miscselect: '0'.repeat(8),
    miscselectMask: 'F'.repeat(8),
    attributes: '0'.repeat(32),
    attributesMask: 'F'.repeat(32),
    mrsigner: upperHex(mrSigner),
    isvprodid: isvProdId,
    tcbLevels: [{ tcb: { isvsvn: isvSvn }, tcbDate: dates.issueDate, tcbStatus: 'UpToDate' }],
  };
}

const components = (svns: Uint8Array): { svn: number }[] => Array.from(svns, (svn) => ({ svn }));
const upperHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex').toUpperCase();
const isoTime = (unixSeconds: number): string => new Date(unixSeconds * 1000).toISOString().replace('.000Z', 'Z');
