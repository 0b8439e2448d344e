import type { CollateralRequest, QuoteCollateral } from '../attestation/collateral.js';
import { assembleCollateral, isSuccess, type PccsAnswer, pccsBase, pccsTargets, rootCrlLocation } from '../attestation/dcap/pccs-answers.js';
import { CollateralError } from '../errors/collateral-error.js';
import { BodyTooLarge } from './bounded-body.js';
import { type HttpAnswer, httpGet, NoAnswer, placeOf, UnwantedStatus } from './http-get.js';

/** Bytes of one answer; the largest list of PCK certificates Intel ever revoked takes some hundred KiB. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;

/** Where Intel publishes its root CRL. */
const INTEL_CRL_HOST = 'certificates.trustedservices.intel.com';

export interface EndpointLimits {
  /** Milliseconds one request may take. */
  readonly requestMs: number;
  readonly signal: AbortSignal;
}

/**
 * The four answers of one PCCS or of Intel, put together (spec/attestation.md section 6.6). Nothing is verified. When one request
 * fails the others are given up.
 * @param url as configured, with or without the API's path
 * @throws CollateralError COLLATERAL_UNAVAILABLE, its cause NoAnswer or UnwantedStatus; COLLATERAL_ANSWER_INVALID
 */
export async function askPccs(url: string, wanted: CollateralRequest, { requestMs, signal }: EndpointLimits): Promise<QuoteCollateral> {
  const failed = new AbortController();
  const get = getter(requestMs, [signal, failed.signal]);
  const base = pccsBase(url);
  const targets = pccsTargets(wanted);
  try {
    const [pckCrl, tcbInfo, qeIdentity, servedRootCrl] = await Promise.all([
      get(base + targets.pckCrl).then(wantedAnswer(base + targets.pckCrl)),
      get(base + targets.tcbInfo).then(wantedAnswer(base + targets.tcbInfo)),
      get(base + targets.qeIdentity).then(wantedAnswer(base + targets.qeIdentity)),
      get(base + targets.rootCaCrl),
    ]);
    return assembleCollateral({ pckCrl, tcbInfo, qeIdentity, rootCaCrl: await rootCrl(base + targets.rootCaCrl, servedRootCrl, qeIdentity, get) });
  } catch (error) {
    failed.abort();
    throw error;
  }
}

type Get = (url: string) => Promise<HttpAnswer>;

function getter(timeoutMs: number, signals: readonly AbortSignal[]): Get {
  return async (url) => {
    try {
      return await httpGet(url, { maxBytes: MAX_BODY_BYTES, timeoutMs, signals });
    } catch (cause) {
      if (cause instanceof BodyTooLarge) throw new CollateralError('COLLATERAL_ANSWER_INVALID', `collateral service ${placeOf(url)}`, { cause });
      if (cause instanceof NoAnswer) throw new CollateralError('COLLATERAL_UNAVAILABLE', `collateral service ${placeOf(url)}`, { cause });
      throw cause;
    }
  };
}

function wantedAnswer(url: string): (answer: HttpAnswer) => HttpAnswer {
  return (answer) => {
    if (isSuccess(answer)) return answer;
    throw new CollateralError('COLLATERAL_UNAVAILABLE', `collateral service ${placeOf(url)}`, { cause: new UnwantedStatus(answer.status) });
  };
}

/** Intel's own service has no such path; its root CRL is where the certificates say. */
async function rootCrl(url: string, served: HttpAnswer, qeIdentity: PccsAnswer, get: Get): Promise<PccsAnswer> {
  if (isSuccess(served)) return served;
  const location = rootCrlLocation(qeIdentity);
  const next = location === null || !mayBeAsked(location, url) ? { at: url, answer: served } : { at: location, answer: await get(location) };
  return wantedAnswer(next.at)(next.answer);
}

/** The location stands in a certificate nobody has verified yet, so it may only name Intel's host or the service that sent it. */
function mayBeAsked(location: string, service: string): boolean {
  if (!URL.canParse(location)) return false;
  const { protocol, hostname, username, password } = new URL(location);
  if (username !== '' || password !== '') return false;
  return (protocol === 'https:' || protocol === 'http:') && (hostname === INTEL_CRL_HOST || hostname === new URL(service).hostname);
}
