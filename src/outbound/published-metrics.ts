import type { PublishedKind } from '../attestation/certificate-fetcher.js';
import type { CollateralCode } from '../errors/collateral-error.js';
import type { Metric } from '../kms/metrics.js';

type Counts = Record<PublishedKind, number>;

const none = (): Counts => ({ certificate: 0, crl: 0, 'amd-chain': 0, 'amd-vcek': 0 });

/**
 * How certificates and revocation lists fare. By kind and code only: URLs are chosen by whoever sends certificates, and would make as
 * many series as somebody likes.
 */
export class PublishedMetrics {
  readonly #fetches = none();
  readonly #cached = none();
  readonly #stale = none();
  readonly #failures = new Map<string, { readonly kind: PublishedKind; readonly code: CollateralCode; count: number }>();
  #refused = 0;

  /** A host was asked. */
  asked(kind: PublishedKind): void {
    this.#fetches[kind]++;
  }

  /** It did not deliver, or what it delivered turned out to lead to no trust anchor. */
  failed(kind: PublishedKind, code: CollateralCode): void {
    const key = `${kind} ${code}`;
    const known = this.#failures.get(key);
    if (known === undefined) this.#failures.set(key, { kind, code, count: 1 });
    else known.count++;
  }

  /** An answer was there, so nobody was asked. */
  cached(kind: PublishedKind): void {
    this.#cached[kind]++;
  }

  /** The host did not deliver, and what was there is used on. */
  stale(kind: PublishedKind): void {
    this.#stale[kind]++;
  }

  /** A certificate names a host that is not configured. */
  refused(): void {
    this.#refused++;
  }

  metrics(): readonly Metric[] {
    const failures = [...this.#failures.values()].map(({ kind, code, count }) => ({ labels: { kind, code }, value: count }));
    return [
      { name: 'dstack_published_fetches_total', help: 'Times a host was asked for a certificate or revocation list.', type: 'counter', samples: samplesOf(this.#fetches) },
      { name: 'dstack_published_fetch_failures_total', help: 'Times it did not deliver, or nothing that leads to a trust anchor.', type: 'counter', samples: failures },
      { name: 'dstack_published_cached_total', help: 'Times nobody had to be asked.', type: 'counter', samples: samplesOf(this.#cached) },
      { name: 'dstack_published_stale_total', help: 'Times an earlier answer that is still valid was used because the host did not deliver.', type: 'counter', samples: samplesOf(this.#stale) },
      { name: 'dstack_published_refused_total', help: 'URLs in certificates whose host is not configured.', type: 'counter', samples: [{ value: this.#refused }] },
    ];
  }
}

function samplesOf(counts: Counts): Metric['samples'] {
  return Object.entries(counts).map(([kind, value]) => ({ labels: { kind }, value }));
}
