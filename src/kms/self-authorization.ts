import type { AppraisalPolicy } from '../attestation/appraisal/policy.js';
import type { AttestationVerifier } from '../attestation/evidence/attestation-verifier.js';
import type { BootInfo } from '../attestation/evidence/boot-info.js';
import { ServiceError } from '../errors/service-error.js';
import type { AppAuthorizer } from './app-authorizer.js';
import { isDenial } from './denial.js';
import { type OwnEvidence, ownBootInfo } from './own-evidence.js';
import { assertGateOpen } from './release-gate.js';

/** Asks before every trusted call whether this KMS itself is still allowed to run (spec/kms.md section 12). */
export interface SelfAuthorization {
  /** @throws ServiceError INTERNAL_ERROR: the KMS, not its caller, is at fault */
  check(): Promise<void>;
  /**
   * The same, and that this KMS's own platform may have keys.
   * @throws AppraisalError RELEASE_GATE_CLOSED, too
   */
  checkGate(): Promise<void>;
}

/** For `enforce_self_authorization = false`. */
export const NO_SELF_AUTHORIZATION: SelfAuthorization = { check: async () => undefined, checkGate: async () => undefined };

export interface SelfAuthorizationOptions {
  readonly evidence: OwnEvidence;
  readonly verifier: AttestationVerifier;
  readonly appraisal: AppraisalPolicy;
  readonly authorizer: AppAuthorizer;
  readonly sevSnpKeyRelease: boolean;
}

/** The KMS's BootInfo is made once, on success; the policy is asked every time. */
export function createSelfAuthorization({ evidence, verifier, appraisal, authorizer, sevSnpKeyRelease }: SelfAuthorizationOptions): SelfAuthorization {
  let own: Promise<BootInfo> | null = null;
  const bootInfoOnce = (): Promise<BootInfo> => {
    own ??= ownBootInfo(evidence, verifier, appraisal).catch((cause: unknown) => {
      own = null;
      throw failed('KMS self authorization failed: Failed to load cached self boot info', cause);
    });
    return own;
  };
  const authorized = async (): Promise<BootInfo> => {
    const info = await bootInfoOnce();
    try {
      await authorizer.authorizeKms(info);
      return info;
    } catch (cause) {
      throw failed(`KMS self authorization failed: ${isDenial(cause) ? 'KMS is not allowed' : 'Failed to call self KMS auth check'}`, cause);
    }
  };
  return {
    check: async () => void (await authorized()),
    checkGate: async () => assertGateOpen((await authorized()).teeVariant, { sevSnpKeyRelease }),
  };
}

function failed(message: string, cause: unknown): ServiceError {
  return new ServiceError('INTERNAL_ERROR', message, { cause });
}
