import { appraise } from '../attestation/appraisal/appraise.js';
import type { AppraisalPolicy } from '../attestation/appraisal/policy.js';
import type { MeasurementView } from '../attestation/evidence/app-info.js';
import type { BootInfo } from '../attestation/evidence/boot-info.js';
import type { VerifiedAttestation } from '../attestation/evidence/verified.js';
import { AppraisalError } from '../errors/appraisal-error.js';
import type { AppAuthorizer, Authorization } from './app-authorizer.js';
import { callerBootInfo } from './caller-boot-info.js';
import { denialInContext } from './denial.js';
import type { ImageRules } from './known-images.js';
import { assertGateOpen, type ReleaseGates } from './release-gate.js';
import { inImageContext, verifyImage } from './verify-image.js';

/** What every release asks before anything is derived. */
export interface AdmissionRules extends ReleaseGates {
  readonly authorizer: AppAuthorizer;
  readonly appraisal: AppraisalPolicy;
  /** null: image verification is switched off and os_image_hash stays a claim. */
  readonly images: ImageRules | null;
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
 * The order every release goes through (spec/kms.md section 13): BootInfo → acceptable evidence → gate of the platform → policy →
 * image. Returns only when each of them said yes. The gate needs nothing from outside, so nobody is asked about a caller it stops.
 * @throws AppraisalError, PolicyError; VerificationError APP_ID_INVALID or VM_CONFIG_MALFORMED (of the evidence);
 *   ServiceError INVALID_ARGUMENT (VM configuration of the request)
 */
export async function admit({ verified, vmConfig, view, as }: AdmissionRequest, rules: AdmissionRules): Promise<Admission> {
  const info = callerBootInfo(verified, vmConfig, view);
  assertAcceptable(verified, rules.appraisal, vmConfig);
  assertGateOpen(verified.variant, rules);
  const { gatewayAppId } = await decide(rules.authorizer, as, info);
  if (rules.images !== null) {
    const config = vmConfig === '' ? verified.attestation.stack.config : vmConfig;
    verifyImage(verified, { hash: info.osImageHash, vmConfig: config }, rules.images);
  }
  return { bootInfo: info, gatewayAppId };
}

function assertAcceptable(verified: VerifiedAttestation, policy: AppraisalPolicy, vmConfig: string): void {
  try {
    appraise(verified, policy, vmConfig);
  } catch (error) {
    throw isImageRefusal(error) ? inImageContext(error) : error;
  }
}

function isImageRefusal(error: unknown): boolean {
  return error instanceof AppraisalError && (error.code === 'IMAGE_HASH_MISMATCH' || error.code === 'DEBUG_MODE');
}

async function decide(authorizer: AppAuthorizer, as: 'app' | 'kms', info: BootInfo): Promise<Authorization> {
  try {
    return await (as === 'app' ? authorizer.authorizeApp(info) : authorizer.authorizeKms(info));
  } catch (error) {
    throw denialInContext(error, 'Boot denied');
  }
}
