import { DstackError } from './base.js';

export type CollateralCode = 'COLLATERAL_UNAVAILABLE' | 'COLLATERAL_ANSWER_INVALID';

/** Collateral could not be had. Never says anything about the evidence it was wanted for. */
export class CollateralError extends DstackError<CollateralCode> {}
