import { AppraisalError } from '../../errors/appraisal-error.js';
import type { TcbFacts } from '../dcap/verify-quote.js';
import { type Claim, claimOf, contraindicated } from './claim.js';
import type { AppraisalPolicy } from './policy.js';

/** The vendor's judgement of a platform, as verification found it. */
export interface TcbFinding {
  readonly status: string;
  /** null where the vendor publishes none with its judgement, so that there are none to be told of. */
  readonly advisoryIds: readonly string[] | null;
  /** null where the platform's judgement has neither age nor edition. */
  readonly facts: TcbFacts | null;
  /** When the evidence was verified, unix seconds; fractions are dropped, as the grace period is in whole seconds. */
  readonly at: number;
}

/**
 * The three claims about firmware and microcode: `tcb-status`, `advisories`, `tcb-evaluation-number`. With UpToDate there is
 * nothing left to do about an advisory; with any other accepted status each advisory needs to be accepted as well.
 * Refusals: TCB_STATUS_NOT_ACCEPTED, ADVISORY_NOT_ACCEPTED, TCB_EVALUATION_TOO_OLD.
 */
export function tcbClaims(finding: TcbFinding, policy: AppraisalPolicy): Claim[] {
  return [statusClaim(finding, policy), advisoryClaim(finding, policy), evaluationClaim(finding, policy)];
}

function statusClaim({ status, facts, at }: TcbFinding, { acceptedTcbStatuses, tcbGraceSeconds }: AppraisalPolicy): Claim {
  // Verification refuses Revoked already; no list brings it back.
  if (status !== 'Revoked' && acceptedTcbStatuses.includes(status)) return claimOf('tcb-status', status === 'UpToDate' ? 'affirming' : 'warning', status);
  const date = facts?.tcbDate ?? null;
  // A platform without a status has none to be patient with.
  const graced = status !== 'Revoked' && status !== '' && date !== null && tcbGraceSeconds > 0 && Math.floor(at) <= date + tcbGraceSeconds;
  if (graced) return claimOf('tcb-status', 'warning', status);
  return contraindicated('tcb-status', status, new AppraisalError('TCB_STATUS_NOT_ACCEPTED', `TCB status ${status} is not accepted`));
}

function advisoryClaim({ status, advisoryIds }: TcbFinding, { acceptedAdvisoryIds }: AppraisalPolicy): Claim {
  if (advisoryIds === null) return claimOf('advisories', 'none', null);
  if (advisoryIds.length === 0 || status === 'UpToDate') return claimOf('advisories', 'affirming', advisoryIds);
  const unaccepted = acceptedAdvisoryIds === 'any' ? [] : advisoryIds.filter((id) => !acceptedAdvisoryIds.includes(id));
  if (unaccepted.length === 0) return claimOf('advisories', 'warning', advisoryIds);
  return contraindicated('advisories', advisoryIds, new AppraisalError('ADVISORY_NOT_ACCEPTED', `TCB status ${status} with advisories not accepted: ${unaccepted.join(', ')}`));
}

/** A platform whose judgement has no edition cannot meet a minimum, and need not: the number is Intel's. */
function evaluationClaim({ facts }: TcbFinding, { minimumTcbEvaluationNumber: least }: AppraisalPolicy): Claim {
  if (facts === null) return claimOf('tcb-evaluation-number', 'none', null);
  const { evaluationDataNumber: found } = facts;
  if (found >= least) return claimOf('tcb-evaluation-number', 'affirming', found);
  return contraindicated('tcb-evaluation-number', found, new AppraisalError('TCB_EVALUATION_TOO_OLD', `TCB evaluation data number ${found} is below ${least}`));
}
