import { DstackError } from './base.js';

/** What the release policy said, or why it could not say anything. */
export type PolicyCode = 'NOT_REGISTERED' | 'BACKEND_UNAVAILABLE' | 'BACKEND_ANSWER_INVALID';

/**
 * NOT_REGISTERED: the evidence is genuine and acceptable, but the policy does not list it.
 * The BACKEND_… codes: no decision could be had, so nothing is released.
 */
export class PolicyError extends DstackError<PolicyCode> {}
