import { readDer } from '../../crypto/der.js';
import { CollateralError } from '../../errors/collateral-error.js';
import { certificateDistributionPoints } from '../../x509/issuing-distribution-point.js';
import { parseCertificate } from '../../x509/certificate.js';
import { parsePemChain } from '../../x509/pem.js';
import type { CollateralRequest, QuoteCollateral } from '../collateral.js';
import { jsonMemberText } from './json-member.js';

/** An HTTP answer. Header names in any case, values as received (issuer chains are percent-encoded PEM). */
export interface PccsAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Path and query of each GET that collateral is assembled from (spec/attestation.md section 6.6). */
export interface PccsTargets {
  readonly pckCrl: string;
  readonly tcbInfo: string;
  readonly qeIdentity: string;
  readonly rootCaCrl: string;
}

export type PccsAnswers = Readonly<Record<keyof PccsTargets, PccsAnswer>>;

const MAX_BODY_LENGTH = 8 << 20;
const MAX_CHAIN = 8;
const CRL_DISTRIBUTION_POINTS = '2.5.29.31';
const URI_NAME = 0x86;

/** What to ask, to be appended to `pccsBase`. */
export function pccsTargets({ tee, fmspc, ca }: CollateralRequest): PccsTargets {
  return {
    pckCrl: `/sgx/certification/v4/pckcrl?ca=${ca}&encoding=der`,
    tcbInfo: `/${tee}/certification/v4/tcb?fmspc=${Buffer.from(fmspc).toString('hex').toUpperCase()}`,
    qeIdentity: `/${tee}/certification/v4/qe/identity?update=standard`,
    rootCaCrl: '/sgx/certification/v4/rootcacrl',
  };
}

/** A configured PCCS address without the trailing slash and API path that people write behind it. */
export function pccsBase(url: string): string {
  return url.replace(/\/+$/, '').replace(/\/(?:sgx|tdx)\/certification\/v4$/, '').replace(/\/+$/, '');
}

/**
 * Puts the answers together. Nothing is verified here; the PCK chain is left to the quote.
 * @param answers `rootCaCrl` may be a PCCS's (hex text) or a distribution point's (DER): trap T17
 * @throws CollateralError COLLATERAL_UNAVAILABLE for a status other than 2xx, COLLATERAL_ANSWER_INVALID
 *   for a body or header that is not what was asked for
 */
export function assembleCollateral(answers: PccsAnswers): QuoteCollateral {
  const tcbInfo = signedDocument('TCB info', answers.tcbInfo, 'tcbInfo');
  const qeIdentity = signedDocument('QE identity', answers.qeIdentity, 'enclaveIdentity');
  return {
    pckCrlIssuerChain: chainHeader('PCK CRL', answers.pckCrl, ['sgx-pck-crl-issuer-chain']),
    rootCaCrl: derOrHexText('root CRL', bodyOf('root CRL', answers.rootCaCrl)),
    pckCrl: bodyOf('PCK CRL', answers.pckCrl),
    tcbInfoIssuerChain: chainHeader('TCB info', answers.tcbInfo, ['sgx-tcb-info-issuer-chain', 'tcb-info-issuer-chain']),
    tcbInfo: tcbInfo.text,
    tcbInfoSignature: tcbInfo.signature,
    qeIdentityIssuerChain: chainHeader('QE identity', answers.qeIdentity, ['sgx-enclave-identity-issuer-chain']),
    qeIdentity: qeIdentity.text,
    qeIdentitySignature: qeIdentity.signature,
    pckCertificateChain: null,
  };
}

/**
 * Where the root CRL is when the service does not serve it: the first URI among the CRL distribution points of
 * the last certificate of the QE identity's issuer chain. The certificate is unverified, so the URL is as
 * trustworthy as the service that sent it.
 * @returns an http or https URL, or null when there is none
 * @throws CollateralError COLLATERAL_ANSWER_INVALID
 */
export function rootCrlLocation(qeIdentity: PccsAnswer): string | null {
  const pem = chainHeader('QE identity', qeIdentity, ['sgx-enclave-identity-issuer-chain']);
  try {
    const last = parsePemChain(pem, MAX_CHAIN).map(parseCertificate).at(-1);
    const points = last?.extensions.get(CRL_DISTRIBUTION_POINTS);
    const name = points === undefined ? undefined : certificateDistributionPoints(points.value).find(([tag]) => tag === URI_NAME);
    const url = name === undefined ? null : Buffer.from(readDer(name).value).toString('latin1');
    return url !== null && /^https?:\/\//.test(url) && URL.canParse(url) ? url : null;
  } catch (cause) {
    throw new CollateralError('COLLATERAL_ANSWER_INVALID', 'QE identity: the issuer chain is malformed', { cause });
  }
}

/** True for a status of 200 to 299. */
export function isSuccess({ status }: PccsAnswer): boolean {
  return status >= 200 && status < 300;
}

function bodyOf(what: string, answer: PccsAnswer): Uint8Array {
  if (!isSuccess(answer)) throw new CollateralError('COLLATERAL_UNAVAILABLE', `${what}: the collateral service answered ${answer.status}`);
  if (answer.body.length > MAX_BODY_LENGTH) throw invalid(`${what}: ${answer.body.length} bytes, at most ${MAX_BODY_LENGTH}`);
  return answer.body;
}

function chainHeader(what: string, answer: PccsAnswer, names: readonly string[]): string {
  const headers = new Map(Object.entries(answer.headers).map(([name, value]) => [name.toLowerCase(), value]));
  const value = names.map((name) => headers.get(name)).find((found) => found !== undefined);
  if (value === undefined) throw invalid(`${what}: the answer has no header ${names.join(' or ')}`);
  try {
    return decodeURIComponent(value);
  } catch (cause) {
    throw invalid(`${what}: the issuer chain header is not percent-encoded text`, cause);
  }
}

function signedDocument(what: string, answer: PccsAnswer, member: string): { readonly text: string; readonly signature: Uint8Array } {
  const body = Buffer.from(bodyOf(what, answer)).toString('utf8');
  const value = parseJson(what, body);
  const signature = typeof value === 'object' && value !== null && 'signature' in value ? value.signature : null;
  const text = jsonMemberText(body, member);
  if (text === null) throw invalid(`${what}: the answer has no member ${member}`);
  if (typeof signature !== 'string' || !/^[0-9a-fA-F]{128}$/.test(signature)) throw invalid(`${what}: the signature is not the hex text of 64 bytes`);
  return { text, signature: Uint8Array.from(Buffer.from(signature, 'hex')) };
}

function parseJson(what: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalid(`${what}: the answer is not JSON`, cause);
  }
}

/** DER starts with the byte 0x30, its hex text with the two characters "30", which are the bytes 0x33 0x30. */
function derOrHexText(what: string, body: Uint8Array): Uint8Array {
  if (body[0] === 0x30 && body[1] !== undefined && body[1] >= 0x80) return body;
  const text = Buffer.from(body).toString('latin1');
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]+$/.test(text)) throw invalid(`${what}: neither DER nor hex text`);
  return Uint8Array.from(Buffer.from(text, 'hex'));
}

function invalid(detail: string, cause?: unknown): CollateralError {
  return new CollateralError('COLLATERAL_ANSWER_INVALID', detail, { cause });
}
