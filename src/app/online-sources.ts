import type { CertificateFetcher } from '../attestation/certificate-fetcher.js';
import type { CollateralGetter } from '../attestation/collateral.js';
import { CollateralError } from '../errors/collateral-error.js';
import { type AcceptCollateral, acceptanceOf } from '../outbound/collateral-source.js';
import { createPccs, DEFAULT_PCCS_URL } from '../outbound/pccs.js';
import { createPublishedCertificates } from '../outbound/published-certificates.js';

/** Where a command that may use the network looks things up. */
export interface OnlinePlaces {
  /** Base addresses; none for the default. */
  readonly pccsUrls: readonly string[];
  /** Hosts that URLs inside certificates are fetched from, lower case. */
  readonly certificateHosts: readonly string[];
  readonly amdKdsUrl: string;
}

export interface OnlineContext {
  /** DER of the trust anchors collateral may be signed under; it is judged again under the one that counts. */
  readonly tdxRoots: readonly Uint8Array[];
  /** Unix seconds. */
  readonly clock: () => number;
}

/** Everything from the network, nothing kept. */
export function createOnlineSources({ pccsUrls, certificateHosts }: OnlinePlaces, { tdxRoots, clock }: OnlineContext): { readonly collateral: CollateralGetter; readonly certificates: CertificateFetcher } {
  const accept = acceptUnderAny(tdxRoots, clock);
  const pccs = createPccs({ urls: pccsUrls.length === 0 ? [DEFAULT_PCCS_URL] : pccsUrls, accept });
  return {
    collateral: { getCollateral: async (wanted) => (await pccs.fetch(wanted)).collateral },
    certificates: createPublishedCertificates({ hosts: certificateHosts, clock }),
  };
}

/** Under whichever root the collateral verifies. */
export function acceptUnderAny(roots: readonly Uint8Array[], clock: () => number): AcceptCollateral {
  const ways = roots.map((root) => acceptanceOf({ root, clock, maxAgeSeconds: null }));
  return (collateral, wanted) => {
    let reason: CollateralError | null = null;
    for (const accept of ways) {
      try {
        return accept(collateral, wanted);
      } catch (error) {
        if (!(error instanceof CollateralError)) throw error;
        reason ??= error;
      }
    }
    throw reason ?? new CollateralError('COLLATERAL_REJECTED', 'there is no trust anchor for collateral');
  };
}
