import type { AppraisalPolicy } from '../attestation/appraisal/policy.js';
import type { AttestationVerifier } from '../attestation/evidence/attestation-verifier.js';
import { ServiceError } from '../errors/service-error.js';
import { withContext } from '../errors/with-context.js';
import type { AppAuthorizer } from '../kms/app-authorizer.js';
import { isDenial } from '../kms/denial.js';
import { type OwnEvidence, ownBootInfo } from '../kms/own-evidence.js';

/**
 * May this machine hold root keys? Its own evidence is made anew and the policy is asked (spec/kms.md section 7, step 4).
 * @param refusal outermost text of every refusal
 * @throws AppraisalError, PolicyError NOT_REGISTERED for a clear no; ServiceError INTERNAL_ERROR when no decision could be had
 */
export async function authorizeBootstrap(
  refusal: string,
  { evidence, verifier, appraisal, authorizer }: { readonly evidence: OwnEvidence; readonly verifier: AttestationVerifier; readonly appraisal: AppraisalPolicy; readonly authorizer: AppAuthorizer },
): Promise<void> {
  const info = await ownBootInfo(evidence, verifier, appraisal).catch((cause: unknown) => {
    throw undecided(`${refusal}: failed to build local KMS boot info`, cause);
  });
  try {
    await authorizer.authorizeKms(info);
  } catch (cause) {
    throw isDenial(cause) ? withContext(withContext(cause, 'boot denied'), refusal) : undecided(`${refusal}: failed to call KMS auth check`, cause);
  }
}

function undecided(message: string, cause: unknown): ServiceError {
  return new ServiceError('INTERNAL_ERROR', message, { cause });
}
