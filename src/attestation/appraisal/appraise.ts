import type { AppraisalError } from '../../errors/appraisal-error.js';
import type { TcbFacts } from '../dcap/verify-quote.js';
import { appInfo } from '../evidence/measurements.js';
import type { VerifiedAttestation } from '../evidence/verified.js';
import { type Claim, claimOf } from './claim.js';
import { enclaveClaims } from './enclave.js';
import { listedClaim } from './listed.js';
import type { AppraisalPolicy } from './policy.js';
import { snpGuestClaims } from './snp-guest.js';
import { tcbClaims } from './tcb.js';
import { trustDomainClaims } from './trust-domain.js';

/** Named claims about genuine evidence, and why it is not accepted if it is not. */
export interface Verdict {
  readonly accepted: boolean;
  /** One of each name, in the order of `ClaimName`. */
  readonly claims: readonly Claim[];
  /** In the order of the claims; empty when accepted. */
  readonly reasons: readonly AppraisalError[];
}

/**
 * Is this genuine evidence acceptable? Debug mode, TCB status with advisories, measurement lists, and on Nitro the binding of
 * the image hash to what was measured (spec/attestation.md sections 5.2 and 5.3, spec/kms.md section 14).
 * @param config VM configuration that replaces the embedded one; "" for the embedded one
 * @throws VerificationError VM_CONFIG_MALFORMED
 */
export function judge(verified: VerifiedAttestation, policy: AppraisalPolicy, config = ''): Verdict {
  const claims = [
    claimOf('hardware', 'affirming', verified.variant),
    ...platformClaims(verified, policy, config),
    listedClaim(policy.measurements, () => appInfo(verified, { view: 'runtime', config })),
  ];
  const reasons = claims.flatMap(({ refusal }) => (refusal === null ? [] : [refusal]));
  return { accepted: reasons.length === 0, claims, reasons };
}

/**
 * The same for those who only go on with what is acceptable.
 * @throws AppraisalError the first reason of the verdict: DEBUG_MODE, SEPT_VE_ENABLED, TCB_STATUS_NOT_ACCEPTED, ADVISORY_NOT_ACCEPTED,
 *   TCB_EVALUATION_TOO_OLD, IMAGE_HASH_MISMATCH, MEASUREMENT_NOT_LISTED
 * @throws VerificationError VM_CONFIG_MALFORMED
 */
export function appraise(verified: VerifiedAttestation, policy: AppraisalPolicy, config = ''): void {
  const [reason] = judge(verified, policy, config).reasons;
  if (reason !== undefined) throw reason;
}

/** Intel's judgement always has an edition: where none is known it meets no minimum, and is of no age. */
const UNKNOWN_FACTS: TcbFacts = { tcbDate: null, evaluationDataNumber: 0 };

function platformClaims(verified: VerifiedAttestation, policy: AppraisalPolicy, config: string): readonly Claim[] {
  const { platform, tcbStatus, advisoryIds, tcb: facts, verifiedAt: at } = verified;
  switch (platform.kind) {
    case 'tdx':
    case 'gcp-tdx':
      return trustDomainClaims(platform.report, tcbClaims({ status: tcbStatus, advisoryIds, facts: facts ?? UNKNOWN_FACTS, at }, policy));
    case 'nitro-enclave':
      return enclaveClaims(platform.document, { embedded: verified.attestation.stack.config, given: config }, policy);
    case 'sev-snp':
      return snpGuestClaims(platform.report, tcbClaims({ status: tcbStatus, advisoryIds: null, facts: null, at }, policy));
  }
}
