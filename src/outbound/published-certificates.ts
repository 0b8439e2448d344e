import { type CertificateFetcher, isOfKeyService, MAX_PUBLISHED_BYTES, type PublishedKind } from '../attestation/certificate-fetcher.js';
import { BoundedMap } from '../cache/bounded-map.js';
import { CollateralError } from '../errors/collateral-error.js';
import { BodyTooLarge } from './bounded-body.js';
import { Circuit } from './circuit.js';
import { isListed } from './host-list.js';
import { httpGet, NoAnswer, placeOf, UnwantedStatus } from './http-get.js';
import { PublishedMetrics } from './published-metrics.js';
import { type PublishedStore, questionOf, type StoredAnswer } from './published-store.js';
import { type Validity, validityOf } from './published-validity.js';
import { SYSTEM_TIMING, type Timing } from './timing.js';

/** Answers that verified; those of one site's machines are a handful, and one of each chip of AMD's. */
const PROVEN = { capacity: 256, maxKeyLength: 2_200 };
/** Answers nothing is known of yet: anybody can name more, so what they take together is limited too. */
const UNPROVEN = { capacity: 256, maxKeyLength: 2_200 };
const MAX_UNPROVEN_BYTES = 32 * 1024 * 1024;
const HOSTS = { capacity: 64, maxKeyLength: 300 };
const MAX_PENDING = 16;
/** Seconds an answer is good for while nothing is known of it, and between attempts to renew one while its host is away. */
const SHORT_SECONDS = 60;
/** Seconds after which an answer that verified is asked for again; revocations should arrive within the hour. */
const RENEW_SECONDS: Readonly<Record<PublishedKind, number>> = { certificate: 86_400, crl: 3_600, 'amd-chain': 86_400, 'amd-vcek': 7 * 86_400 };
const DEFAULT_REQUEST_MS = 10_000;

export interface PublishedCertificatesOptions {
  /** As `isListed` takes them. */
  readonly hosts: readonly string[];
  /** Unix seconds. */
  readonly clock: () => number;
  /** Milliseconds for one request (default 10 s). */
  readonly requestMs?: number;
  readonly timing?: Timing;
  /** Ends what is in flight. */
  readonly signal?: AbortSignal;
  /** Where answers that verified are kept for the next start; null for memory only. */
  readonly store?: PublishedStore | null;
  /** Where somebody puts answers by hand; looked at again, when it changed, whenever a host does not deliver. */
  readonly imports?: PublishedStore | null;
  /** Told of what went wrong with either. */
  readonly warn?: (error: unknown) => void;
  /** Counts what is asked and answered. */
  readonly metrics?: PublishedMetrics;
}

/** The fetcher, and what ties it to a process. */
export interface PublishedCertificates extends CertificateFetcher {
  /** Loads what is on disk; it is used while a host is away, as long as it is valid. Never rejects. */
  start(): Promise<void>;
  /** Resolves when everything that verified is on disk. */
  close(): Promise<void>;
}

interface Answer {
  readonly url: string;
  readonly kind: PublishedKind;
  readonly body: Uint8Array;
  readonly fetchedAt: number;
  readonly validity: Validity;
}

interface ProvenAnswer extends Answer {
  /** When it is asked for again, and when that was decided, unix seconds. */
  renewAt: number;
  decidedAt: number;
}

/**
 * Certificates and revocation lists over HTTP, from configured hosts alone, without redirects. Answers that verified are kept and
 * renewed once they are some time old; until the new one verified too, and while the host is away, the old one is used as long as
 * it is valid. Calls for the same URL wait for one request.
 */
export function createPublishedCertificates(options: PublishedCertificatesOptions): PublishedCertificates {
  return new KeptCertificates(options);
}

class KeptCertificates implements PublishedCertificates {
  readonly #options: Required<PublishedCertificatesOptions>;
  readonly #proven = new BoundedMap<ProvenAnswer>(PROVEN);
  readonly #unproven = new BoundedMap<Answer>(UNPROVEN);
  readonly #circuits = new BoundedMap<Circuit>(HOSTS);
  readonly #pending = new Map<string, Promise<Answer>>();
  /** Loaded from disk and not replaced since. */
  readonly #stored = new Map<string, Answer>();
  #importsVersion = '';
  #written: Promise<void> = Promise.resolve();

  constructor(options: PublishedCertificatesOptions) {
    this.#options = { requestMs: DEFAULT_REQUEST_MS, timing: SYSTEM_TIMING, signal: new AbortController().signal, store: null, imports: null, warn: () => undefined, metrics: new PublishedMetrics(), ...options };
  }

  async start(): Promise<void> {
    const { store, warn } = this.#options;
    try {
      this.#offer((await store?.load()) ?? []);
    } catch (error) {
      warn(error);
    }
    await this.#readImports();
  }

  close(): Promise<void> {
    return this.#written;
  }

  allows(url: string): boolean {
    const isAllowed = isListed(url, this.#options.hosts);
    if (!isAllowed) this.#options.metrics.refused();
    return isAllowed;
  }

  async fetch(url: string, kind: PublishedKind): Promise<Uint8Array> {
    if (!isOfKeyService(kind) && !this.allows(url)) throw new CollateralError('COLLATERAL_UNAVAILABLE', 'a certificate names a host that is not configured');
    const key = questionOf({ url, kind });
    const now = this.#options.clock();
    const known = this.#known(key, now);
    if (known.fresh !== null) {
      this.#options.metrics.cached(kind);
      return known.fresh.body;
    }
    try {
      return (await this.#once(key, url, kind)).body;
    } catch (error) {
      if (!(error instanceof CollateralError)) throw error;
      const used = await this.#insteadOfHost(key, known.usable, now);
      if (used === null) throw error;
      this.#options.metrics.stale(kind);
      return used.body;
    }
  }

  /** What may be given without asking, and what may be given when asking fails. A clock that was set back makes nothing fresh for longer. */
  #known(key: string, now: number): { readonly fresh: Answer | null; readonly usable: ProvenAnswer | null } {
    const recent = this.#unproven.get(key);
    const proven = this.#proven.get(key);
    const usable = proven !== undefined && now <= proven.validity.endsAt ? proven : null;
    if (recent !== undefined && now <= recent.validity.endsAt && now >= recent.fetchedAt && now - recent.fetchedAt < SHORT_SECONDS) return { fresh: recent, usable };
    return { fresh: usable !== null && now >= usable.decidedAt && now < usable.renewAt ? usable : null, usable };
  }

  /** What verified before, unless something newer was imported by hand; else what is on disk. */
  async #insteadOfHost(key: string, usable: ProvenAnswer | null, now: number): Promise<Answer | null> {
    await this.#readImports();
    if (usable !== null) Object.assign(usable, { decidedAt: now, renewAt: now + SHORT_SECONDS });
    const stored = this.#stored.get(key);
    if (stored === undefined || now > stored.validity.endsAt) return usable;
    if (usable !== null && stored.validity.issuedAt <= usable.validity.issuedAt) return usable;
    this.#unproven.set(key, { ...stored, fetchedAt: now });
    this.#limitUnproven();
    return stored;
  }

  /** Looks at the file of imports when it is another than the last time: a running process takes in what is brought by hand. */
  async #readImports(): Promise<void> {
    const { imports, warn } = this.#options;
    if (imports === null) return;
    try {
      const version = await imports.version();
      if (version === this.#importsVersion) return;
      this.#importsVersion = version;
      this.#offer(await imports.load());
    } catch (error) {
      warn(error);
    }
  }

  /** Takes in what is on disk, of two answers to one question the newer. What cannot be read does not stand in the way of the rest. */
  #offer(answers: readonly StoredAnswer[]): void {
    const now = this.#options.clock();
    for (const { url, kind, body } of answers) {
      try {
        const key = questionOf({ url, kind });
        const validity = validityOf(body, kind, url);
        if ((this.#stored.get(key)?.validity.issuedAt ?? 0) <= validity.issuedAt) this.#stored.set(key, { url, kind, body, fetchedAt: now, validity });
      } catch (error) {
        this.#options.warn(error);
      }
    }
  }

  judge(url: string, kind: PublishedKind, verified: boolean): void {
    const key = questionOf({ url, kind });
    const recent = this.#unproven.get(key);
    if (recent === undefined) return;
    this.#unproven.delete(key);
    const now = this.#options.clock();
    if (verified) return this.#prove(key, recent, now);
    if (!this.#isFromDisk(key, recent)) this.#options.metrics.failed(kind, 'COLLATERAL_REJECTED');
    const proven = this.#proven.get(key);
    if (proven !== undefined) Object.assign(proven, { decidedAt: now, renewAt: now + SHORT_SECONDS });
  }

  #isFromDisk(key: string, { body }: Answer): boolean {
    return this.#stored.get(key)?.body === body;
  }

  #prove(key: string, answer: Answer, now: number): void {
    const isFromDisk = this.#isFromDisk(key, answer);
    const interval = isFromDisk ? SHORT_SECONDS : RENEW_SECONDS[answer.kind] * (0.8 + 0.2 * this.#options.timing.random());
    this.#proven.set(key, { ...answer, decidedAt: now, renewAt: now + interval });
    if (isFromDisk) return;
    this.#stored.delete(key);
    this.#save();
  }

  /** Everything that verified, and what from the last time nobody asked for yet. */
  #save(): void {
    const { store, warn } = this.#options;
    if (store === null) return;
    const answers = [...this.#proven.entries().map(([, answer]) => answer).toReversed(), ...this.#stored.values()];
    this.#written = this.#written.then(() => store.save(answers)).catch(warn);
  }

  #once(key: string, url: string, kind: PublishedKind): Promise<Answer> {
    const known = this.#pending.get(key);
    if (known !== undefined) return known;
    if (this.#pending.size >= MAX_PENDING) return Promise.reject(new CollateralError('COLLATERAL_UNAVAILABLE', `${MAX_PENDING} certificates and lists are being fetched already`));
    const started = this.#counted(key, url, kind).finally(() => this.#pending.delete(key));
    this.#pending.set(key, started);
    return started;
  }

  async #counted(key: string, url: string, kind: PublishedKind): Promise<Answer> {
    const circuit = this.#circuits.getOrCreate(new URL(url).host, () => new Circuit(this.#options.timing));
    if (!circuit.admits()) throw new CollateralError('COLLATERAL_UNAVAILABLE', `${placeOf(url)} did not answer lately and is left alone for some seconds`);
    this.#options.metrics.asked(kind);
    try {
      return this.#take(key, { url, kind, body: await this.#get(url, kind, circuit) });
    } catch (error) {
      if (error instanceof CollateralError) this.#options.metrics.failed(kind, error.code);
      throw error;
    }
  }

  #take(key: string, { url, kind, body }: StoredAnswer): Answer {
    const fetchedAt = this.#options.clock();
    const validity = validityOf(body, kind, url);
    if (kind === 'crl' && fetchedAt > validity.endsAt) throw new CollateralError('COLLATERAL_REJECTED', `${placeOf(url)} answered with a revocation list that has expired`);
    // Whoever stands between could otherwise take back a revocation.
    if (kind === 'crl' && validity.issuedAt < (this.#proven.get(key)?.validity.issuedAt ?? 0)) throw new CollateralError('COLLATERAL_REJECTED', `${placeOf(url)} answered with an older revocation list than before`);
    const answer = { url, kind, body, fetchedAt, validity };
    this.#unproven.set(key, answer);
    this.#limitUnproven();
    return answer;
  }

  /** The oldest give way. */
  #limitUnproven(): void {
    let bytes = 0;
    for (const [key, { body }] of this.#unproven.entries().toReversed()) {
      bytes += body.length;
      if (bytes > MAX_UNPROVEN_BYTES) this.#unproven.delete(key);
    }
  }

  async #get(url: string, kind: PublishedKind, circuit: Circuit): Promise<Uint8Array> {
    const { requestMs: timeoutMs, signal } = this.#options;
    try {
      const { status, body } = await httpGet(url, { maxBytes: MAX_PUBLISHED_BYTES[kind], timeoutMs, signals: [signal] });
      circuit.answered();
      if (status === 200) return body;
      throw new CollateralError('COLLATERAL_UNAVAILABLE', placeOf(url), { cause: new UnwantedStatus(status) });
    } catch (cause) {
      if (cause instanceof NoAnswer) circuit.silent();
      else circuit.answered();
      if (cause instanceof NoAnswer) throw new CollateralError('COLLATERAL_UNAVAILABLE', placeOf(url), { cause });
      if (cause instanceof BodyTooLarge) throw new CollateralError('COLLATERAL_ANSWER_INVALID', placeOf(url), { cause });
      throw cause;
    }
  }
}
