import { type CertificateFetcher, NO_CERTIFICATES } from '../attestation/certificate-fetcher.js';
import type { CollateralGetter } from '../attestation/collateral.js';
import type { TrustRoots } from '../attestation/trust-roots.js';
import type { CollateralCacheConfig } from '../config/collateral-config.js';
import { messageChain } from '../errors/base.js';
import type { Metric } from '../kms/metrics.js';
import { CollateralCache } from '../outbound/collateral-cache.js';
import { createCollateralDirectory } from '../outbound/collateral-directory.js';
import { CollateralMetrics } from '../outbound/collateral-metrics.js';
import { acceptanceOf, checkedSource } from '../outbound/collateral-source.js';
import { createPccs, DEFAULT_PCCS_URL } from '../outbound/pccs.js';
import { createPublishedCertificates } from '../outbound/published-certificates.js';
import { PublishedMetrics } from '../outbound/published-metrics.js';
import { createPublishedStore, IMPORTED_FILE, PUBLISHED_FILE } from '../outbound/published-store.js';
import { CollateralFile, followingFile } from './collateral-file.js';
import type { Log } from './log.js';

/** What evidence is verified with and does not carry itself. */
export interface EvidenceSources {
  readonly collateral: CollateralGetter;
  readonly certificates: CertificateFetcher;
  /** Loads what is on disk and begins to keep it fresh. */
  start(): Promise<void>;
  /** Ends that, and what is in flight. */
  close(): Promise<void>;
  metrics(): readonly Metric[];
}

export interface SourcePlaces {
  /** One collateral object, or recorded HTTP answers, instead of the network; null for the network. */
  readonly collateralFile: string | null;
  /** Base addresses; none for the default. */
  readonly pccsUrls: readonly string[];
  readonly collateralCache: CollateralCacheConfig;
  /** Hosts that URLs inside certificates are fetched from. */
  readonly certificateHosts: readonly string[];
}

export interface SourceContext {
  readonly roots: TrustRoots;
  /** Unix seconds. */
  readonly clock: () => number;
  readonly log: Log;
}

/**
 * Collateral from one or more PCCS, checked under the root when it comes in and kept in memory and on disk, and certificates from
 * where they are published. With a file all of it comes from there, and nothing from the network.
 * @throws ConfigError, CollateralError for a file that holds no collateral
 */
export function createEvidenceSources(places: SourcePlaces, { roots, clock, log }: SourceContext): EvidenceSources {
  const { collateralFile, pccsUrls, collateralCache, certificateHosts } = places;
  const recorded = collateralFile === null ? null : new CollateralFile(collateralFile, log);
  const { directory } = collateralCache;
  const ending = new AbortController();
  const metrics = new CollateralMetrics();
  const publishedMetrics = new PublishedMetrics();
  const accept = acceptanceOf({ root: roots.tdx, clock, maxAgeSeconds: collateralCache.maxAgeSeconds });
  const pccs = createPccs({
    urls: pccsUrls.length === 0 ? [DEFAULT_PCCS_URL] : pccsUrls,
    accept,
    signal: ending.signal,
    observe: (endpoint, error) => {
      metrics.count(endpoint, error);
      if (error !== null) log.warn({ endpoint, code: error.code, error: messageChain(error) }, 'a collateral service did not deliver');
    },
  });
  const cache = new CollateralCache({
    source: recorded === null ? pccs : checkedSource(recorded.collateral, accept),
    accept,
    directory: recorded !== null || directory === null ? null : createCollateralDirectory(directory),
    clock,
    random: Math.random,
    refreshSeconds: collateralCache.refreshSeconds,
    warn: (message, key, error) => log.warn({ collateral: key, error: messageChain(error) }, message),
  });
  const published = createPublishedCertificates({
    hosts: certificateHosts,
    clock,
    signal: ending.signal,
    store: recorded !== null || directory === null ? null : createPublishedStore(directory, PUBLISHED_FILE),
    imports: recorded !== null || directory === null ? null : createPublishedStore(directory, IMPORTED_FILE),
    metrics: publishedMetrics,
    warn: (error) => log.warn({ error: messageChain(error) }, 'published certificates on disk are not used'),
  });
  return {
    collateral: recorded === null ? cache : followingFile(recorded, cache, () => cache.refreshAll()),
    certificates: recorded?.certificates ?? published,
    start: async () => void (await Promise.all([cache.start(), published.start()])),
    async close() {
      ending.abort();
      await Promise.all([cache.close(), published.close()]);
    },
    metrics: () => [...metrics.metrics(cache.state), ...publishedMetrics.metrics()],
  };
}

/** Collateral that somebody else keeps, such as the development platform. */
export function givenSources(collateral: CollateralGetter, certificates: CertificateFetcher = NO_CERTIFICATES): EvidenceSources {
  const nothing = async (): Promise<void> => undefined;
  return { collateral, certificates, start: nothing, close: nothing, metrics: () => [] };
}
