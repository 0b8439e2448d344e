import type { CollateralGetter } from '../attestation/collateral.js';
import { parseCollateralJson } from '../attestation/dcap/collateral-format.js';
import { recordedAnswers } from '../attestation/dcap/recorded-answers.js';
import { vendorRoots } from '../attestation/roots/vendor-roots.js';
import type { TrustRoots } from '../attestation/trust-roots.js';
import { readBounded } from '../config/load-file.js';
import { messageChain } from '../errors/base.js';
import { cacheCollateral } from '../outbound/collateral-cache.js';
import { createPccs, DEFAULT_PCCS_URL } from '../outbound/pccs.js';
import type { Log } from './log.js';
import { readRoot } from './verify/roots.js';

const MAX_ROOT_BYTES = 64 * 1024;
const MAX_COLLATERAL_BYTES = 8 * 1024 * 1024;
/** Seconds; Intel publishes revocations within a day. */
const REFRESH_SECONDS = 6 * 3600;

/** Certificate files that replace vendor roots; null keeps the vendor's. */
export interface RootFiles {
  readonly tdx: string | null;
  readonly awsNitroEnclave: string | null;
  readonly gcpTpm: string | null;
}

/** Vendor anchors, but for those an operator replaced. @throws ConfigError, VerifyInputError for a file that holds no certificate */
export function trustRoots(files: RootFiles, log: Log): TrustRoots {
  const vendor = vendorRoots();
  const from = (path: string | null, usual: Uint8Array, name: string): Uint8Array => {
    if (path === null) return usual;
    log.warn({ path }, `the ${name} trust anchor is not the vendor's: evidence need not come from hardware`);
    return readRoot(readBounded(path, MAX_ROOT_BYTES), path).raw;
  };
  return {
    tdx: from(files.tdx, vendor.tdx, 'TDX'),
    nitroEnclave: from(files.awsNitroEnclave, vendor.nitroEnclave, 'Nitro Enclave'),
    gcpTpm: from(files.gcpTpm, vendor.gcpTpm, 'GCP vTPM'),
    sevSnp: vendor.sevSnp,
  };
}

export interface CollateralPlaces {
  /** One collateral object, or a list of recorded HTTP answers; null for the network. */
  readonly file: string | null;
  /** Base addresses; none for the default. */
  readonly pccsUrls: readonly string[];
}

/**
 * Where DCAP collateral comes from: a file, or one or more PCCS behind a cache.
 * @param clock unix seconds
 * @throws ConfigError, CollateralError for a file that holds no collateral
 */
export function collateralSource({ file, pccsUrls }: CollateralPlaces, clock: () => number, log: Log): CollateralGetter {
  const source = file === null ? createPccs({ urls: pccsUrls.length === 0 ? [DEFAULT_PCCS_URL] : pccsUrls }) : collateralFile(file);
  return cacheCollateral(source, {
    clock,
    refreshSeconds: REFRESH_SECONDS,
    onRefreshFailure: (error) => log.warn({ error: messageChain(error) }, 'collateral could not be refreshed; what is there is used on'),
  });
}

/** Read anew each time, which the cache around it makes rare. Read once at start so that mistakes show then. */
function collateralFile(path: string): CollateralGetter {
  const open = (): CollateralGetter => {
    const text = readBounded(path, MAX_COLLATERAL_BYTES).toString('utf8');
    if (text.trimStart().startsWith('[')) return recordedAnswers(text);
    const collateral = parseCollateralJson(text);
    return { getCollateral: async () => collateral };
  };
  open();
  return { getCollateral: async (wanted) => open().getCollateral(wanted) };
}
