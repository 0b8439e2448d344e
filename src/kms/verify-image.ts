import { gcpUkiDigest } from '../attestation/evidence/image-document.js';
import type { VerifiedAttestation } from '../attestation/evidence/verified.js';
import { ukiEvent } from '../attestation/event-log/uki-event.js';
import type { SnpReport } from '../attestation/sev-snp/report.js';
import type { TdReport } from '../attestation/tdx/quote.js';
import { quotedPcr } from '../attestation/tpm/pcrs.js';
import type { VerifiedTpmQuote } from '../attestation/tpm/verify.js';
import { hex } from '../crypto/hex.js';
import { AppraisalError } from '../errors/appraisal-error.js';
import { withContext } from '../errors/with-context.js';
import type { ImageRules, KnownImages, SnpLaunch, TdxLaunch } from './known-images.js';

/** The OS image a caller names. */
export interface NamedImage {
  /** 32 bytes, lower-case hex, or "". */
  readonly hash: string;
  /** VM configuration that counts, JSON; it may hold documents about the image. */
  readonly vmConfig: string;
}

/**
 * Was this machine launched from the OS image it names (spec/kms.md section 14)? The name is the caller's word. On plain TDX and
 * SEV-SNP it is believed when the launch measurements in the signed report are among those registered for it; on GCP when the vTPM measured
 * known firmware, and then the kernel image that the image's own document names. On a Nitro Enclave the hash is computed from the
 * measurements themselves and has been compared by appraisal already.
 * @throws AppraisalError IMAGE_NOT_VERIFIABLE, IMAGE_HASH_MISMATCH; VerificationError VM_CONFIG_MALFORMED, TPM_PCR_MISSING;
 *   PolicyError when the list cannot be read
 */
export function verifyImage({ platform }: VerifiedAttestation, image: NamedImage, { known, gcpFirmware }: ImageRules): void {
  if (platform.kind === 'nitro-enclave') return;
  try {
    if (image.hash === '') throw notVerifiable('the evidence names no os_image_hash');
    switch (platform.kind) {
      case 'tdx':
        return matchTdx(platform.report, image.hash, known);
      case 'gcp-tdx':
        // There the image is measured by the vTPM, so the registers of the trust domain say nothing about it.
        return matchGcp(platform.tpm, image, gcpFirmware);
      case 'sev-snp':
        return matchSnp(platform.report, image.hash, known);
    }
  } catch (error) {
    throw inImageContext(error);
  }
}

/** The phrase comes twice in the texts of the existing KMS (spec/kms.md section 21). */
export function inImageContext(error: unknown): unknown {
  const phrase = 'Failed to verify os image hash';
  return withContext(withContext(error, phrase), phrase);
}

function matchTdx(report: TdReport, hash: string, known: KnownImages): void {
  const launches = known.launchMeasurements(hash).filter((launch): launch is TdxLaunch => 'mrtd' in launch);
  const [rtmr0, rtmr1, rtmr2] = report.rtmrs.map(hex);
  const mrtd = hex(report.mrTd);
  assertListed(launches, (launch) => launch.mrtd === mrtd && launch.rtmr0 === rtmr0 && launch.rtmr1 === rtmr1 && launch.rtmr2 === rtmr2, hash);
}

function matchSnp(report: SnpReport, hash: string, known: KnownImages): void {
  const launches = known.launchMeasurements(hash).filter((launch): launch is SnpLaunch => 'measurement' in launch);
  const measurement = hex(report.measurement);
  assertListed(launches, (launch) => launch.measurement === measurement, hash);
}

function assertListed<T>(launches: readonly T[], matches: (launch: T) => boolean, hash: string): void {
  if (launches.length === 0) throw notVerifiable(`no launch measurements are registered for image ${hash}`);
  if (!launches.some(matches)) throw otherImage(`launch measurements are not those of image ${hash}`);
}

/** Firmware first: only what it measures truthfully says anything about what came after it. */
function matchGcp({ pcrs, eventLog }: VerifiedTpmQuote, { hash, vmConfig }: NamedImage, gcpFirmware: readonly string[]): void {
  const firmware = hex(quotedPcr(pcrs, 0));
  if (!gcpFirmware.includes(firmware)) throw otherImage(`PCR 0 is of firmware that is not known: ${firmware}`);
  const expected = hex(gcpUkiDigest(vmConfig, hash));
  const measured = ukiEvent(eventLog);
  if (measured === null) throw notVerifiable('the firmware log has no event of a kernel image');
  if (hex(measured) !== expected) throw otherImage(`the kernel image measured is not that of image ${hash}: expected=${expected}, measured=${hex(measured)}`);
}

function notVerifiable(detail: string): AppraisalError {
  return new AppraisalError('IMAGE_NOT_VERIFIABLE', detail);
}

function otherImage(detail: string): AppraisalError {
  return new AppraisalError('IMAGE_HASH_MISMATCH', detail);
}
