import { type CollateralGetter, collateralKey, collateralRequestFromKey, type CollateralRequest, type QuoteCollateral } from '../attestation/collateral.js';
import { type AcceptedCollateral, isOlder } from '../attestation/dcap/accept-collateral.js';
import { BoundedMap } from '../cache/bounded-map.js';
import { CollateralError } from '../errors/collateral-error.js';
import type { CollateralDirectory } from './collateral-directory.js';
import type { AcceptCollateral, CollateralSource } from './collateral-source.js';
import { backoff, type BackoffRange } from './timing.js';

/** Kinds of platform kept; anybody who has a genuine quote can make one more. */
const KEPT = { capacity: 64, maxKeyLength: 64 };
/** Kinds of platform looked up at the same time: anybody can ask for any. */
const MAX_PENDING = 16;
/** Milliseconds between looks at what is due. */
const TICK_MS = 30_000;
/** Seconds until what came from disk, of unknown age, is fetched anew. */
const AFTER_DISK_SECONDS = 60;
/** Seconds between attempts to refresh while nobody delivers. */
const RETRY: BackoffRange = { first: 60, most: 3_600 };

export interface CollateralCacheOptions {
  readonly source: CollateralSource;
  /** For what is read from disk; the source has applied it already. */
  readonly accept: AcceptCollateral;
  /** null: in memory only. */
  readonly directory: CollateralDirectory | null;
  /** Unix seconds. */
  readonly clock: () => number;
  /** At least 0, less than 1. */
  readonly random: () => number;
  /** Seconds after which collateral is fetched again although it has not ended: revocations should not take a month to arrive. */
  readonly refreshSeconds: number;
  /** Told of what went wrong without anybody having to wait for it. */
  readonly warn: (message: string, key: string, error: unknown) => void;
}

interface Entry {
  readonly accepted: AcceptedCollateral;
  /** When it was last found to be the newest there is, unix seconds; when it was loaded, for what came from disk. */
  confirmedAt: number;
  /** When to fetch it again, and when that was decided, unix seconds. */
  refreshAt: number;
  decidedAt: number;
  failures: number;
}

/** What the metrics show. */
export interface CacheState {
  readonly entries: number;
  /** Seconds since the oldest entry was confirmed, and until the first one ends; null when there is none. */
  readonly oldestSeconds: number | null;
  readonly firstEndSeconds: number | null;
}

/**
 * Remembers collateral per kind of platform, in memory and on disk, until a part of it ends. Long before that it is fetched again,
 * whether anybody asks for it or not, and kept until something as new was accepted in its place: services that are away, lie or
 * lag behind must not stop a KMS. Calls for the same collateral wait for one fetch.
 */
export class CollateralCache implements CollateralGetter {
  readonly #options: CollateralCacheOptions;
  readonly #entries = new BoundedMap<Entry>(KEPT);
  readonly #pending = new Map<string, Promise<AcceptedCollateral>>();
  #timer: NodeJS.Timeout | null = null;
  #refreshing: Promise<void> | null = null;
  #written: Promise<void> = Promise.resolve();

  constructor(options: CollateralCacheOptions) {
    this.#options = options;
  }

  /** @throws CollateralError, and whatever `genuine` throws */
  async getCollateral(wanted: CollateralRequest, genuine?: () => void): Promise<QuoteCollateral> {
    const key = collateralKey(wanted);
    const entry = this.#entries.get(key);
    if (entry !== undefined && this.#options.clock() <= entry.accepted.validUntil) return entry.accepted.collateral;
    genuine?.();
    return (await this.#once(key, async () => (await this.#fromDisk(key, wanted)) ?? (await this.#fetch(key, wanted)))).collateral;
  }

  /** Loads what is on disk and begins to keep it fresh; `close` ends that. */
  async start(): Promise<void> {
    try {
      for (const key of (await this.#options.directory?.keys()) ?? []) {
        const wanted = collateralRequestFromKey(key);
        if (wanted !== null) await this.#fromDisk(key, wanted);
      }
    } catch (error) {
      this.#options.warn('the collateral directory cannot be read', '', error);
    }
    this.#timer = setInterval(() => void this.refreshDue(), TICK_MS).unref();
  }

  /** Resolves when everything accepted so far is on disk. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#written;
  }

  /** Fetches whatever is due, one after another. Never rejects. */
  refreshDue(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  /** Fetches everything anew because the source is known to have something else now. Never rejects. */
  async refreshAll(): Promise<void> {
    await this.#refreshing;
    for (const [, entry] of this.#entries.entries()) entry.refreshAt = 0;
    await this.refreshDue();
  }

  async #refresh(): Promise<void> {
    for (const [key, entry] of this.#entries.entries()) {
      const wanted = collateralRequestFromKey(key);
      if (wanted === null || !this.#isDue(entry)) continue;
      await this.#once(key, () => this.#fetch(key, wanted)).catch((error: unknown) => this.#refreshFailed(key, wanted, entry, error));
    }
  }

  /** Also when the clock was set back: from a time that is still to come nothing can be waited for. */
  #isDue({ refreshAt, decidedAt }: Entry): boolean {
    const now = this.#options.clock();
    return now >= refreshAt || now < decidedAt;
  }

  get state(): CacheState {
    const now = this.#options.clock();
    const entries = this.#entries.entries().map(([, entry]) => entry);
    const least = (values: readonly number[]): number | null => (values.length === 0 ? null : Math.min(...values));
    const oldest = least(entries.map(({ confirmedAt }) => confirmedAt));
    const firstEnd = least(entries.map(({ accepted }) => accepted.validUntil));
    return { entries: entries.length, oldestSeconds: oldest === null ? null : Math.max(0, now - oldest), firstEndSeconds: firstEnd === null ? null : firstEnd - now };
  }

  #once(key: string, obtain: () => Promise<AcceptedCollateral>): Promise<AcceptedCollateral> {
    const known = this.#pending.get(key);
    if (known !== undefined) return known;
    if (this.#pending.size >= MAX_PENDING) {
      return Promise.reject(new CollateralError('COLLATERAL_UNAVAILABLE', `collateral of ${MAX_PENDING} kinds of platform is being fetched already`));
    }
    const started = obtain().finally(() => this.#pending.delete(key));
    this.#pending.set(key, started);
    return started;
  }

  async #fetch(key: string, wanted: CollateralRequest): Promise<AcceptedCollateral> {
    return this.#take(key, await this.#options.source.fetch(wanted), true);
  }

  /** null when there is none, or none that is still good. */
  async #fromDisk(key: string, wanted: CollateralRequest): Promise<AcceptedCollateral | null> {
    const stored = await this.#readDisk(key, wanted);
    return stored === null ? null : this.#take(key, stored, false);
  }

  async #readDisk(key: string, wanted: CollateralRequest): Promise<AcceptedCollateral | null> {
    try {
      const stored = (await this.#options.directory?.read(key)) ?? null;
      return stored === null ? null : this.#options.accept(stored, wanted);
    } catch (error) {
      this.#options.warn('collateral on disk is not used', key, error);
      return null;
    }
  }

  /** Puts it in place of what is there, unless that is newer and still good. @returns what is there then */
  #take(key: string, accepted: AcceptedCollateral, fetched: boolean): AcceptedCollateral {
    const now = this.#options.clock();
    const known = this.#entries.get(key);
    const keeps = known !== undefined && now <= known.accepted.validUntil && isOlder(accepted, known.accepted);
    const kept = keeps ? known.accepted : accepted;
    const interval = fetched ? this.#interval(kept, now) : AFTER_DISK_SECONDS * this.#options.random();
    this.#entries.set(key, { accepted: kept, confirmedAt: now, refreshAt: now + interval, decidedAt: now, failures: 0 });
    if (fetched && !keeps) this.#store(key, (directory) => directory.write(key, accepted.collateral));
    return kept;
  }

  /** Seconds; never more than half of what is left, so that there is time for many attempts. */
  #interval({ validUntil }: AcceptedCollateral, now: number): number {
    return Math.min(this.#options.refreshSeconds, (validUntil - now) / 2) * (0.8 + 0.2 * this.#options.random());
  }

  async #refreshFailed(key: string, wanted: CollateralRequest, entry: Entry, error: unknown): Promise<void> {
    this.#options.warn('collateral could not be refreshed', key, error);
    entry.failures++;
    entry.decidedAt = this.#options.clock();
    entry.refreshAt = entry.decidedAt + backoff(entry.failures, RETRY, this.#options.random);
    if (this.#isRevoked(entry, wanted, error)) {
      // A genuine list names the signer of what is kept: better none than that.
      this.#store(key, (directory) => directory.remove(key));
      await this.#written;
      this.#entries.delete(key);
      return;
    }
    // Sites without a network bring newer collateral by hand.
    const stored = await this.#readDisk(key, wanted);
    if (stored !== null && isOlder(entry.accepted, stored)) this.#take(key, stored, false);
  }

  /** Whether a list that names the signer of what was fetched also names that of what is kept, which may be another. */
  #isRevoked({ accepted }: Entry, wanted: CollateralRequest, error: unknown): boolean {
    const rootCaCrl = error instanceof CollateralError ? error.revokedBy : null;
    if (rootCaCrl === null) return false;
    try {
      this.#options.accept({ ...accepted.collateral, rootCaCrl }, wanted);
      return false;
    } catch (verdict) {
      if (verdict instanceof CollateralError) return verdict.revokedBy !== null;
      throw verdict;
    }
  }

  #store(key: string, change: (directory: CollateralDirectory) => Promise<void>): void {
    const { directory, warn } = this.#options;
    if (directory === null) return;
    this.#written = this.#written.then(() => change(directory)).catch((error: unknown) => warn('the collateral directory cannot be written', key, error));
  }
}
