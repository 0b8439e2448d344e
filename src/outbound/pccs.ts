import { request } from 'undici';
import { assembleCollateral, isSuccess, pccsBase, pccsTargets, rootCrlLocation, type PccsAnswer } from '../attestation/dcap/pccs-answers.js';
import type { CollateralGetter, CollateralRequest, QuoteCollateral } from '../attestation/collateral.js';
import { CollateralError } from '../errors/collateral-error.js';
import { DstackError } from '../errors/base.js';
import { BodyTooLarge, boundedBytes } from './bounded-body.js';

export const DEFAULT_PCCS_URL = 'https://pccs.phala.network';

const MAX_BODY_BYTES = 8 * 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 20_000;

export interface PccsOptions {
  /** Base addresses, asked in order until one delivers. */
  readonly urls: readonly string[];
  /** Milliseconds one address may take for all four answers (default 20 s). */
  readonly timeoutMs?: number;
}

/**
 * Collateral from a PCCS or from Intel, fetched anew on each call (spec/attestation.md section 6.6). Nothing is trusted for
 * where it came from: whoever uses it checks its signatures.
 * @throws CollateralError from `getCollateral`: the failure of the last address
 */
export function createPccs({ urls, timeoutMs = DEFAULT_TIMEOUT_MS }: PccsOptions): CollateralGetter {
  if (urls.length === 0) throw new TypeError('at least one PCCS address is needed');
  return {
    async getCollateral(wanted) {
      let failure: unknown;
      for (const url of urls) {
        try {
          return await fetchAll(pccsBase(url), wanted, AbortSignal.timeout(timeoutMs));
        } catch (error) {
          if (!(error instanceof CollateralError)) throw error;
          failure = error;
        }
      }
      throw failure;
    },
  };
}

async function fetchAll(base: string, wanted: CollateralRequest, signal: AbortSignal): Promise<QuoteCollateral> {
  const targets = pccsTargets(wanted);
  const [pckCrl, tcbInfo, qeIdentity] = await Promise.all([targets.pckCrl, targets.tcbInfo, targets.qeIdentity].map((target) => get(base + target, signal)));
  if (pckCrl === undefined || tcbInfo === undefined || qeIdentity === undefined) throw new TypeError('three requests give three answers');
  return assembleCollateral({ pckCrl, tcbInfo, qeIdentity, rootCaCrl: await rootCrl(base + targets.rootCaCrl, qeIdentity, signal) });
}

/** Intel's own service has no such path; its root CRL is where the certificates say. */
async function rootCrl(url: string, qeIdentity: PccsAnswer, signal: AbortSignal): Promise<PccsAnswer> {
  const served = await get(url, signal);
  if (isSuccess(served)) return served;
  const location = rootCrlLocation(qeIdentity);
  return location === null || !mayBeAsked(location, url) ? served : get(location, signal);
}

/** Where Intel publishes its root CRL. */
const INTEL_CRL_HOST = 'certificates.trustedservices.intel.com';

/** The location stands in a certificate nobody has verified yet, so it may only name Intel's host or the service that sent it. */
function mayBeAsked(location: string, service: string): boolean {
  if (!URL.canParse(location)) return false;
  const { protocol, hostname } = new URL(location);
  return (protocol === 'https:' || protocol === 'http:') && (hostname === INTEL_CRL_HOST || hostname === new URL(service).hostname);
}

async function get(url: string, signal: AbortSignal): Promise<PccsAnswer> {
  try {
    const { statusCode, headers, body } = await request(url, { signal });
    return { status: statusCode, headers: singleValues(headers), body: Uint8Array.from(await boundedBytes(body, MAX_BODY_BYTES)) };
  } catch (cause) {
    if (cause instanceof DstackError) throw cause;
    if (cause instanceof BodyTooLarge) throw new CollateralError('COLLATERAL_ANSWER_INVALID', `collateral service ${url}: ${cause.message}`, { cause });
    throw new CollateralError('COLLATERAL_UNAVAILABLE', `collateral service ${url} cannot be reached`, { cause });
  }
}

function singleValues(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value] as const] : [])));
}
