import { AppraisalError } from '../errors/appraisal-error.js';
import { PolicyError } from '../errors/policy-error.js';
import { withContext } from '../errors/with-context.js';

/** Did the policy say a clear no, as opposed to not answering? */
export function isDenial(error: unknown): boolean {
  return error instanceof AppraisalError || (error instanceof PolicyError && error.code === 'NOT_REGISTERED');
}

/** A clear no with `context` before its reason, as callers of the existing KMS read it; anything else unchanged. */
export function denialInContext(error: unknown, context: string): unknown {
  return isDenial(error) ? withContext(error, context) : error;
}
