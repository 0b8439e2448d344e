import { DstackError } from './base.js';

/** Genuine evidence of a state nobody should be given keys in. */
export type AppraisalCode =
  | 'DEBUG_MODE'
  | 'TCB_STATUS_NOT_ACCEPTED'
  | 'SEPT_VE_ENABLED'
  | 'ADVISORY_NOT_ACCEPTED'
  | 'TCB_EVALUATION_TOO_OLD'
  | 'MEASUREMENT_NOT_LISTED'
  | 'IMAGE_HASH_MISMATCH'
  | 'IMAGE_NOT_VERIFIABLE'
  | 'RELEASE_GATE_CLOSED'
  | 'PLATFORM_NOT_SUPPORTED'
  | 'SESSION_NOT_BOUND'
  | 'SESSION_OTHER_MACHINE';

/** The evidence is genuine but not acceptable as such: debug mode, old TCB, image binding, closed gate. */
export class AppraisalError extends DstackError<AppraisalCode> {}
