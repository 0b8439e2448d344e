import { DstackError } from './base.js';

export type CollateralCode =
  /** Nobody delivered it: no connection, no answer in time, or a refusal. */
  | 'COLLATERAL_UNAVAILABLE'
  /** Something was delivered that is no collateral: too long, or cannot be read. */
  | 'COLLATERAL_ANSWER_INVALID'
  /** It can be read but not relied on: forged, expired, or of another platform. The cause says which. */
  | 'COLLATERAL_REJECTED';

/** Collateral could not be had. Never says anything about the evidence it was wanted for. */
export class CollateralError extends DstackError<CollateralCode> {
  /** DER of the genuine revocation list that names a certificate the collateral rests on; null for every other reason. */
  readonly revokedBy: Uint8Array | null;

  constructor(code: CollateralCode, message: string, { revokedBy = null, ...options }: { readonly cause?: unknown; readonly revokedBy?: Uint8Array | null } = {}) {
    super(code, message, options);
    this.revokedBy = revokedBy;
  }
}
