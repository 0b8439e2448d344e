import { AppraisalError } from '../../errors/appraisal-error.js';
import { isDebugGuest } from '../sev-snp/guest-policy.js';
import type { SnpReport } from '../sev-snp/report.js';
import { type Claim, claimOf, contraindicated } from './claim.js';

/**
 * The claims of an SEV-SNP guest around those of its TCB. Verification refuses guests that may be debugged already; it is judged again
 * here, so that no change there can let one through unseen. No policy relaxes it.
 * Refusal: DEBUG_MODE.
 */
export function snpGuestClaims(report: SnpReport, tcb: readonly Claim[]): readonly Claim[] {
  return [
    isDebugGuest(report)
      ? contraindicated('debug-disabled', false, new AppraisalError('DEBUG_MODE', 'the amd sev-snp guest may be debugged by its host'))
      : claimOf('debug-disabled', 'affirming', true),
    claimOf('page-removal-hidden', 'none', null),
    ...tcb,
    // As on TDX: whether the launch measurement is that of the image named is settled where images are known.
    claimOf('image-measured', 'none', null),
    claimOf('application-measured', 'affirming', true),
  ];
}
