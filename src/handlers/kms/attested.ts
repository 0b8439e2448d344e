import type { VerifiedAttestation } from '../../attestation/evidence/verified.js';
import type { CallContext } from '../../http/method.js';
import { ServiceError } from '../../errors/service-error.js';

/** Evidence of the caller. The access table has refused everybody without; this keeps a gap in it from mattering. */
export function attestedCaller({ caller }: CallContext, refusal: string): VerifiedAttestation {
  if (caller.evidence.status !== 'verified') throw new ServiceError('UNAUTHORIZED', refusal);
  return caller.evidence.verified;
}

export const APP_NOT_ATTESTED = 'App not allowed: No attestation provided';
export const NOT_ATTESTED = 'No attestation provided';
