import type { AttestationVerifier } from '../attestation/evidence/attestation-verifier.js';
import { type BootInfo, bootInfo } from '../attestation/evidence/boot-info.js';
import type { EvidenceSource } from '../attestation/evidence/evidence-source.js';
import { ServiceError } from '../errors/service-error.js';
import type { AppAuthorizer } from './app-authorizer.js';

/** Asks before every trusted call whether this KMS itself is still allowed to run (spec/kms.md section 12). */
export interface SelfAuthorization {
  /** @throws ServiceError INTERNAL_ERROR: the KMS, not its caller, is at fault */
  check(): Promise<void>;
}

/** For `enforce_self_authorization = false`. */
export const NO_SELF_AUTHORIZATION: SelfAuthorization = { check: async () => undefined };

/** BootInfo of the KMS's own, freshly made evidence (report data of zeros). @throws what making and verifying evidence throws */
export async function ownBootInfo(evidence: EvidenceSource, verifier: AttestationVerifier): Promise<BootInfo> {
  const attestation = await evidence.attest(new Uint8Array(64));
  return bootInfo(await verifier.verify(attestation), { view: 'runtime' });
}

/** The KMS's BootInfo is made once, on success; the policy is asked every time. */
export function createSelfAuthorization(evidence: EvidenceSource, verifier: AttestationVerifier, authorizer: AppAuthorizer): SelfAuthorization {
  let own: BootInfo | null = null;
  return {
    async check() {
      try {
        own ??= await ownBootInfo(evidence, verifier);
        await authorizer.authorizeKms(own);
      } catch (cause) {
        throw new ServiceError('INTERNAL_ERROR', 'KMS self authorization failed', { cause });
      }
    },
  };
}
