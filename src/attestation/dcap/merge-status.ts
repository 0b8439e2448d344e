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
    advisoryIds: [...new Set([...first.advisoryIds, ...second.advisoryIds])],
  };
}
