import { appraise, type AppraisalPolicy } from '../attestation/appraisal/appraise.js';
import type { MeasurementView } from '../attestation/evidence/app-info.js';
import { type BootInfo, bootInfo } from '../attestation/evidence/boot-info.js';
import type { VerifiedAttestation } from '../attestation/evidence/verified.js';
import type { AppAuthorizer, Authorization } from './app-authorizer.js';
import type { KnownImages } from './known-images.js';
import { verifyImage } from './verify-image.js';

/** What every release asks before anything is derived. */
export interface AdmissionRules {
  readonly authorizer: AppAuthorizer;
  readonly appraisal: AppraisalPolicy;
  /** null: image verification is switched off and os_image_hash stays a claim. */
  readonly images: KnownImages | null;
}

export interface AdmissionRequest {
  readonly verified: VerifiedAttestation;
  /** VM configuration of the request; "" for the one embedded in the evidence. */
  readonly vmConfig: string;
  readonly view: MeasurementView;
  readonly as: 'app' | 'kms';
}

export interface Admission extends Authorization {
  readonly bootInfo: BootInfo;
}

/**
 * The order every release goes through (spec/kms.md section 13): acceptable evidence → BootInfo → policy → image.
 * Returns only when each of them said yes.
 * @throws AppraisalError, PolicyError, VerificationError APP_ID_INVALID or VM_CONFIG_MALFORMED
 */
export async function admit({ verified, vmConfig, view, as }: AdmissionRequest, rules: AdmissionRules): Promise<Admission> {
  const info = bootInfo(verified, { config: vmConfig, view });
  appraise(verified, rules.appraisal, vmConfig);
  const { gatewayAppId } = as === 'app' ? await rules.authorizer.authorizeApp(info) : await rules.authorizer.authorizeKms(info);
  if (rules.images !== null) verifyImage(verified, info.osImageHash, rules.images);
  return { bootInfo: info, gatewayAppId };
}
