import { z } from 'zod';

/** How collateral is kept (decision 0006). */
export interface CollateralCacheConfig {
  /** Directory it is also kept in, so that a restart needs no network; null for memory only. */
  readonly directory: string | null;
  /** Seconds after its issue for which it is used; null for as long as it is valid. */
  readonly maxAgeSeconds: number | null;
  /** Seconds after which it is fetched again although it is still valid. */
  readonly refreshSeconds: number;
}

/** Keys that the KMS has under `core.attestation` and the agent under `default.core`. */
export const collateralKeys = {
  collateral_file: z.string().min(1).nullable().default(null),
  collateral_cache_dir: z.string().min(1).nullable().default(null),
  collateral_max_age: z.number().int().min(3_600).max(31_536_000).nullable().default(null),
  collateral_refresh: z.number().int().min(60).max(604_800).default(21_600),
};

interface RawCollateral {
  readonly collateral_cache_dir: string | null;
  readonly collateral_max_age: number | null;
  readonly collateral_refresh: number;
}

export function collateralCacheOf(raw: RawCollateral): CollateralCacheConfig {
  return { directory: raw.collateral_cache_dir, maxAgeSeconds: raw.collateral_max_age, refreshSeconds: raw.collateral_refresh };
}
