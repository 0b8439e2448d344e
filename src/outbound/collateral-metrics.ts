import type { CollateralCode, CollateralError } from '../errors/collateral-error.js';
import type { Metric } from '../kms/metrics.js';
import type { CacheState } from './collateral-cache.js';

/** How collateral fares: what every address delivered, and how fresh what is kept is. */
export class CollateralMetrics {
  #fetches = 0;
  readonly #failures = new Map<string, { readonly endpoint: number; readonly code: CollateralCode; count: number }>();

  /** Counts one address asked. @param endpoint its place in the configuration, from 0 */
  count(endpoint: number, error: CollateralError | null): void {
    this.#fetches++;
    if (error === null) return;
    const key = `${endpoint} ${error.code}`;
    const known = this.#failures.get(key);
    if (known === undefined) this.#failures.set(key, { endpoint, code: error.code, count: 1 });
    else known.count++;
  }

  metrics({ entries, oldestSeconds, firstEndSeconds }: CacheState): readonly Metric[] {
    const failures = [...this.#failures.values()].map(({ endpoint, code, count }) => ({ labels: { endpoint: String(endpoint), code }, value: count }));
    return [
      { name: 'dstack_collateral_fetches_total', help: 'Times a collateral service was asked.', type: 'counter', samples: [{ value: this.#fetches }] },
      { name: 'dstack_collateral_fetch_failures_total', help: 'Times it did not deliver, by its place in the configuration.', type: 'counter', samples: failures },
      { name: 'dstack_collateral_entries', help: 'Kinds of platform collateral is kept for.', type: 'gauge', samples: [{ value: entries }] },
      { name: 'dstack_collateral_oldest_age_seconds', help: 'Seconds since the oldest of it was fetched.', type: 'gauge', samples: samplesOf(oldestSeconds) },
      { name: 'dstack_collateral_next_update_seconds', help: 'Seconds until the first of it ends.', type: 'gauge', samples: samplesOf(firstEndSeconds) },
    ];
  }
}

function samplesOf(value: number | null): Metric['samples'] {
  return value === null ? [] : [{ value: Math.floor(value) }];
}
