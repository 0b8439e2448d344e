import type { CollateralGetter, CollateralRequest, QuoteCollateral } from '../attestation/collateral.js';
import { parseQeIdentity } from '../attestation/dcap/qe-identity.js';
import { parseTcbInfo } from '../attestation/dcap/tcb-info.js';
import { BoundedMap } from '../cache/bounded-map.js';
import { CollateralError } from '../errors/collateral-error.js';
import { DstackError } from '../errors/base.js';
import { parseCrl } from '../x509/crl.js';

/** Kinds of platform kept; anybody who has a genuine quote can make one more. */
const KEPT = { capacity: 64, maxKeyLength: 64 };

export interface CollateralCacheOptions {
  /** Unix seconds. */
  readonly clock: () => number;
  /** Seconds after which collateral is fetched again although it has not ended: revocations should not take a month to arrive. */
  readonly refreshSeconds: number;
  /** Told when such a fetch failed. */
  readonly onRefreshFailure: (error: unknown) => void;
}

interface Entry {
  readonly collateral: QuoteCollateral;
  /** First of the next updates announced in it, unix seconds. */
  readonly endsAt: number;
  /** When to fetch it again in the background, unix seconds. */
  refreshAt: number;
}

/** Seconds between attempts to refresh while the service is away. */
const RETRY_SECONDS = 60;

/**
 * Remembers collateral per kind of platform until a part of it announces its next update. Older than `refreshSeconds` it is
 * fetched again in the background and kept until that succeeds: the service being slow or away must not stop a KMS.
 * Calls for the same collateral wait for one fetch.
 */
export function cacheCollateral(source: CollateralGetter, options: CollateralCacheOptions): CollateralGetter {
  const cache = new CollateralCache(source, options);
  return { getCollateral: (wanted) => cache.get(wanted) };
}

class CollateralCache {
  readonly #source: CollateralGetter;
  readonly #options: CollateralCacheOptions;
  readonly #entries = new BoundedMap<Entry>(KEPT);
  readonly #pending = new Map<string, Promise<QuoteCollateral>>();

  constructor(source: CollateralGetter, options: CollateralCacheOptions) {
    this.#source = source;
    this.#options = options;
  }

  async get(wanted: CollateralRequest): Promise<QuoteCollateral> {
    const key = `${wanted.tee}:${wanted.ca}:${Buffer.from(wanted.fmspc).toString('hex')}`;
    const entry = this.#entries.get(key);
    const now = this.#options.clock();
    if (entry === undefined || now >= entry.endsAt) return this.#fetchOnce(key, wanted);
    if (now >= entry.refreshAt) {
      entry.refreshAt = now + RETRY_SECONDS;
      this.#fetchOnce(key, wanted).catch(this.#options.onRefreshFailure);
    }
    return entry.collateral;
  }

  #fetchOnce(key: string, wanted: CollateralRequest): Promise<QuoteCollateral> {
    const known = this.#pending.get(key);
    if (known !== undefined) return known;
    const started = this.#fetch(key, wanted).finally(() => this.#pending.delete(key));
    this.#pending.set(key, started);
    return started;
  }

  async #fetch(key: string, wanted: CollateralRequest): Promise<QuoteCollateral> {
    const collateral = await this.#source.getCollateral(wanted);
    const entry = { collateral, endsAt: nextUpdate(collateral), refreshAt: this.#options.clock() + this.#options.refreshSeconds };
    this.#entries.set(key, entry);
    return collateral;
  }
}

/** Unix seconds. @throws CollateralError COLLATERAL_ANSWER_INVALID when a part cannot be read */
function nextUpdate({ tcbInfo, qeIdentity, rootCaCrl, pckCrl }: QuoteCollateral): number {
  try {
    return Math.min(parseTcbInfo(tcbInfo).nextUpdate, parseQeIdentity(qeIdentity).nextUpdate, parseCrl(rootCaCrl).nextUpdate, parseCrl(pckCrl).nextUpdate);
  } catch (cause) {
    if (cause instanceof DstackError) throw new CollateralError('COLLATERAL_ANSWER_INVALID', 'the collateral cannot be read', { cause });
    throw cause;
  }
}
