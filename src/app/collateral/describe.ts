import { X509Certificate } from 'node:crypto';
import type { PublishedKind } from '../../attestation/certificate-fetcher.js';
import type { CollateralRequest, QuoteCollateral } from '../../attestation/collateral.js';
import { parseQeIdentity } from '../../attestation/dcap/qe-identity.js';
import { parseTcbInfo } from '../../attestation/dcap/tcb-info.js';
import type { StoredAnswer } from '../../outbound/published-store.js';
import { certificateIn } from '../../outbound/published-validity.js';
import { parseCrl, type RevocationList } from '../../x509/crl.js';
import { parsePemChain } from '../../x509/pem.js';
import { printable } from '../printable.js';

const DAY = 86_400;
const MAX_CHAIN = 8;

/**
 * What collateral is, for people: of which platform, by whom, from when to when, which edition, and how many days are left.
 * @param now unix seconds
 * @throws VerificationError for a part that cannot be read
 */
export function describeCollateral(collateral: QuoteCollateral, { tee, fmspc, ca }: CollateralRequest, now: number): readonly string[] {
  const tcbInfo = parseTcbInfo(collateral.tcbInfo);
  const qeIdentity = parseQeIdentity(collateral.qeIdentity);
  const edition = (number: number): string => `evaluation data number ${number}, `;
  return [
    `${tee.toUpperCase()} collateral for FMSPC ${Buffer.from(fmspc).toString('hex').toUpperCase()}, ${ca} CA`,
    `  TCB info: version ${tcbInfo.version}, ${edition(tcbInfo.tcbEvaluationDataNumber)}${period(tcbInfo.issueDate, tcbInfo.nextUpdate, now)}`,
    `    issuer: ${issuerOf(collateral.tcbInfoIssuerChain)}`,
    `  QE identity: ${printable(qeIdentity.id)} version ${qeIdentity.version}, ${edition(qeIdentity.tcbEvaluationDataNumber)}${period(qeIdentity.issueDate, qeIdentity.nextUpdate, now)}`,
    `    issuer: ${issuerOf(collateral.qeIdentityIssuerChain)}`,
    `  PCK CRL: ${describeList(parseCrl(collateral.pckCrl), now)}`,
    `    issuer: ${issuerOf(collateral.pckCrlIssuerChain)}`,
    `  root CRL: ${describeList(parseCrl(collateral.rootCaCrl), now)}`,
  ];
}

/**
 * The same of a certificate or revocation list: where it is from, whose it is, by whom, from when to when.
 * @throws VerificationError for one that cannot be read
 */
export function describePublished({ url, kind, body }: StoredAnswer, now: number): readonly string[] {
  const from = `${NAMES[kind]} ${printable(url)}`;
  if (kind === 'crl') return [from, `  ${describeList(parseCrl(body), now)}`];
  const { raw, notBefore, notAfter } = certificateIn(body, kind);
  const { subject, issuer } = new X509Certificate(raw);
  return [from, `  subject: ${nameOf(subject)}`, `  issuer: ${nameOf(issuer)}`, `  valid from ${dateText(notBefore)} until ${dateText(notAfter)}, ${timeLeft(notAfter, now)}`];
}

const NAMES: Readonly<Record<PublishedKind, string>> = { certificate: 'Certificate', crl: 'Revocation list', 'amd-chain': 'AMD intermediate certificate', 'amd-vcek': 'AMD chip certificate' };

/** Unix seconds as people write them. */
export function dateText(unixSeconds: number): string {
  const date = new Date(unixSeconds * 1000);
  return Number.isNaN(date.getTime()) ? 'never' : date.toISOString().replace('.000Z', 'Z');
}

function describeList({ number, revokedSerials, thisUpdate, nextUpdate }: RevocationList, now: number): string {
  return `number ${number ?? 'none'}, ${revokedSerials.size} revoked, ${period(thisUpdate, nextUpdate, now)}`;
}

function period(issueDate: number, nextUpdate: number, now: number): string {
  return `issued ${dateText(issueDate)}, next update ${dateText(nextUpdate)}, ${timeLeft(nextUpdate, now)}`;
}

function timeLeft(end: number, now: number): string {
  const days = Math.floor((end - now) / DAY);
  return now > end ? 'expired' : `${days} day${days === 1 ? '' : 's'} left`;
}

/** Name of the first certificate, which signed. */
function issuerOf(pem: string): string {
  const [leaf] = parsePemChain(pem, MAX_CHAIN);
  return leaf === undefined ? 'unknown' : nameOf(new X509Certificate(leaf).subject);
}

/** A distinguished name as node gives it, on one line. */
function nameOf(name: string): string {
  return printable(name.split('\n').toReversed().join(', '));
}
