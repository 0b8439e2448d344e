import { AppraisalError } from '../../errors/appraisal-error.js';
import type { TdReport } from '../tdx/quote.js';
import { type Claim, claimOf, contraindicated } from './claim.js';

/** TD_ATTRIBUTES: DEBUG is bit 0, SEPT_VE_DISABLE bit 28 (Intel TDX module specification). */
const DEBUG = 1;
const SEPT_VE_DISABLE = 0x10;

/**
 * The claims of a TDX guest around those of its TCB. Verification refuses debuggable and steerable guests already; both are
 * judged again here, so that no change there can let one through unseen. No policy relaxes either.
 * Refusals: DEBUG_MODE, SEPT_VE_ENABLED.
 */
export function trustDomainClaims({ tdAttributes }: TdReport, tcb: readonly Claim[]): readonly Claim[] {
  const debug = ((tdAttributes[0] ?? DEBUG) & DEBUG) !== 0;
  const steerable = ((tdAttributes[3] ?? 0) & SEPT_VE_DISABLE) === 0;
  return [
    debug ? contraindicated('debug-disabled', false, new AppraisalError('DEBUG_MODE', 'the trust domain is in debug mode')) : claimOf('debug-disabled', 'affirming', true),
    steerable
      ? contraindicated('page-removal-hidden', false, new AppraisalError('SEPT_VE_ENABLED', 'SEPT_VE_DISABLE is not set'))
      : claimOf('page-removal-hidden', 'affirming', true),
    ...tcb,
    // The evidence names an image; that its launch measurements are those of the image is settled where images are known.
    claimOf('image-measured', 'none', null),
    claimOf('application-measured', 'affirming', true),
  ];
}
