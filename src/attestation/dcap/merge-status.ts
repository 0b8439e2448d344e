import { TCB_STATUSES } from './tcb-status.js';
import type { TcbJudgement } from './tcb-status.js';

/**
 * The more severe status of the two, the first on a tie; the advisories of both, those of `first`
 * first and none twice (spec/attestation.md section 6.3 step 12).
 */
export function mergeStatus(first: TcbJudgement, second: TcbJudgement): TcbJudgement {
  const secondIsWorse = TCB_STATUSES.indexOf(second.status) > TCB_STATUSES.indexOf(first.status);
  return {
    status: secondIsWorse ? second.status : first.status,
    tcbDate: mergeDates(first, second),
    advisoryIds: [...new Set([...first.advisoryIds, ...second.advisoryIds])],
  };
}

/** What is up to date has no say in how long the rest has not been. */
function mergeDates(first: TcbJudgement, second: TcbJudgement): number | null {
  if (first.status === 'UpToDate' && second.status !== 'UpToDate') return second.tcbDate;
  if (second.status === 'UpToDate' && first.status !== 'UpToDate') return first.tcbDate;
  return first.tcbDate === null || second.tcbDate === null ? null : Math.min(first.tcbDate, second.tcbDate);
}
