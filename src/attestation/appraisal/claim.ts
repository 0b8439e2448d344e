import type { AppraisalError } from '../../errors/appraisal-error.js';

/**
 * What a verdict says about evidence. Each name means the same on every TEE:
 *
 * - `hardware`: which platform signed the evidence
 * - `debug-disabled`: nobody outside can read the workload's memory through a debug interface
 * - `page-removal-hidden`: the host cannot steer the workload by taking memory pages away (SEPT_VE_DISABLE)
 * - `tcb-status`: whether firmware and microcode are as they should be, in the words of Intel's collateral; AMD publishes no judgement, so on
 *   SEV-SNP it is whether all that the report says of them is what its key was certified for
 * - `advisories`: what the vendor has published against that firmware and microcode
 * - `tcb-evaluation-number`: edition of the vendor's judgement
 * - `image-measured`: the OS image named is the one the hardware measured
 * - `application-measured`: application id and compose hash are under a hardware signature
 * - `measurements-listed`: the measurements are on the configured lists
 */
export type ClaimName =
  | 'hardware'
  | 'debug-disabled'
  | 'page-removal-hidden'
  | 'tcb-status'
  | 'advisories'
  | 'tcb-evaluation-number'
  | 'image-measured'
  | 'application-measured'
  | 'measurements-listed';

/**
 * Tiers of draft-ietf-rats-ar4si, section "Trustworthiness Tiers": `affirming` and `warning` are accepted, `contraindicated` is not,
 * `none` says nothing: the platform has no such property, or it was not asked for.
 */
export type ClaimTier = 'affirming' | 'warning' | 'contraindicated' | 'none';

export interface Claim {
  readonly name: ClaimName;
  readonly tier: ClaimTier;
  /** What was found; null where there is nothing to find. */
  readonly value: string | number | boolean | readonly string[] | null;
  /** Why it is not acceptable; null unless contraindicated. */
  readonly refusal: AppraisalError | null;
}

/** A claim nothing is held against. */
export function claimOf(name: ClaimName, tier: Exclude<ClaimTier, 'contraindicated'>, value: Claim['value']): Claim {
  return { name, tier, value, refusal: null };
}

export function contraindicated(name: ClaimName, value: Claim['value'], refusal: AppraisalError): Claim {
  return { name, tier: 'contraindicated', value, refusal };
}
