import type { CollateralGetter, CollateralRequest, QuoteCollateral } from '../attestation/collateral.js';
import { acceptCollateral, type AcceptedCollateral } from '../attestation/dcap/accept-collateral.js';
import { CollateralError } from '../errors/collateral-error.js';
import { VerificationError } from '../errors/verification-error.js';

/** Delivers collateral that was found good; what is not never gets further than here. */
export interface CollateralSource {
  /** @throws CollateralError */
  fetch(wanted: CollateralRequest): Promise<AcceptedCollateral>;
}

/** @throws CollateralError COLLATERAL_REJECTED, the failed check as its cause */
export type AcceptCollateral = (collateral: QuoteCollateral, wanted: CollateralRequest) => AcceptedCollateral;

export interface AcceptanceRules {
  /** DER of the trust anchor. */
  readonly root: Uint8Array;
  /** Unix seconds. */
  readonly clock: () => number;
  /** Seconds after the issue date of TCB info and QE identity for which collateral is used; null for as long as it is valid. */
  readonly maxAgeSeconds: number | null;
}

/** What collateral must be to be taken in: signed under the root, valid, as wanted, and young enough. */
export function acceptanceOf({ root, clock, maxAgeSeconds }: AcceptanceRules): AcceptCollateral {
  return (collateral, wanted) => {
    const now = clock();
    const accepted = checked(collateral, wanted, { root, now });
    if (maxAgeSeconds === null) return accepted;
    const endsAt = Math.min(accepted.tcbInfo.issueDate, accepted.qeIdentity.issueDate) + maxAgeSeconds;
    if (endsAt < now) throw new CollateralError('COLLATERAL_REJECTED', `the collateral is older than the configured ${maxAgeSeconds} s`);
    return { ...accepted, validUntil: Math.min(accepted.validUntil, endsAt) };
  };
}

function checked(collateral: QuoteCollateral, wanted: CollateralRequest, options: { readonly root: Uint8Array; readonly now: number }): AcceptedCollateral {
  try {
    return acceptCollateral(collateral, wanted, options);
  } catch (cause) {
    if (!(cause instanceof VerificationError)) throw cause;
    // Its signature was verified before anything was looked for in it.
    const revokedBy = cause.code === 'CERTIFICATE_REVOKED' ? collateral.rootCaCrl : null;
    throw new CollateralError('COLLATERAL_REJECTED', 'the collateral does not verify', { cause, revokedBy });
  }
}

/** Collateral of a getter that verifies nothing, such as a file. */
export function checkedSource(getter: CollateralGetter, accept: AcceptCollateral): CollateralSource {
  return { fetch: async (wanted) => accept(await getter.getCollateral(wanted), wanted) };
}
