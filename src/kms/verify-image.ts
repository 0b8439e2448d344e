import type { VerifiedAttestation } from '../attestation/evidence/verified.js';
import type { TdReport } from '../attestation/tdx/quote.js';
import { AppraisalError } from '../errors/appraisal-error.js';
import { withContext } from '../errors/with-context.js';
import type { KnownImages } from './known-images.js';

/**
 * Was this trust domain launched from the OS image it names (spec/kms.md section 14)? The name is the caller's word
 * until the launch measurements in the signed report are among those registered for it. On a Nitro Enclave the
 * hash is computed from the measurements themselves and has been compared by appraisal already.
 * @param osImageHash 32 bytes, lower-case hex, or ""
 * @throws AppraisalError IMAGE_NOT_VERIFIABLE, IMAGE_HASH_MISMATCH; PolicyError when the list cannot be read
 */
export function verifyImage(verified: VerifiedAttestation, osImageHash: string, images: KnownImages): void {
  const { platform } = verified;
  if (platform.kind === 'nitro-enclave') return;
  try {
    // There the image is measured by the vTPM, so the registers of the trust domain say nothing about it.
    if (verified.variant === 'dstack-gcp-tdx') throw new AppraisalError('IMAGE_NOT_VERIFIABLE', 'OS images on GCP cannot be verified by this release');
    matchLaunch(platform.report, osImageHash, images);
  } catch (error) {
    throw inImageContext(error);
  }
}

/** The phrase comes twice in the texts of the existing KMS (spec/kms.md section 21). */
export function inImageContext(error: unknown): unknown {
  const phrase = 'Failed to verify os image hash';
  return withContext(withContext(error, phrase), phrase);
}

function matchLaunch(report: TdReport, osImageHash: string, images: KnownImages): void {
  if (osImageHash === '') throw new AppraisalError('IMAGE_NOT_VERIFIABLE', 'the evidence names no os_image_hash');
  const known = images.launchMeasurements(osImageHash);
  if (known.length === 0) throw new AppraisalError('IMAGE_NOT_VERIFIABLE', `no launch measurements are registered for image ${osImageHash}`);
  const [rtmr0, rtmr1, rtmr2] = report.rtmrs.map(hex);
  const mrtd = hex(report.mrTd);
  const matches = known.some((launch) => launch.mrtd === mrtd && launch.rtmr0 === rtmr0 && launch.rtmr1 === rtmr1 && launch.rtmr2 === rtmr2);
  if (!matches) throw new AppraisalError('IMAGE_HASH_MISMATCH', `launch measurements are not those of image ${osImageHash}`);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
