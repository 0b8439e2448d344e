import { gcpUkiDigest } from '../attestation/evidence/image-document.js';
import { vmConfigFields } from '../attestation/evidence/vm-config.js';
import { cborBytes, cborMap, cborText, cborUint } from '../attestation/nitro/cbor-write.js';
import { sha256 } from '../crypto/sha256.js';

/** An OS image for GCP, as its publisher describes it. */
export interface DevelopmentGcpImage {
  /** SHA-256 of its checksum file, 32 bytes. */
  readonly osImageHash: Uint8Array;
  /** SHA-256 Authenticode digest of its unified kernel image, 32 bytes. */
  readonly ukiDigest: Uint8Array;
  /** `gcp_measurement` of a VM configuration, base64 texts (spec/attestation.md section 5.4). */
  readonly document: { readonly checksum_file: string; readonly measurement: string };
}

/** @param image what distinguishes it from other images, 32 bytes */
export function developmentGcpImage(image: Uint8Array): DevelopmentGcpImage {
  const ukiDigest = kernelOf(image);
  const measurement = cborMap([
    [cborText('version'), cborUint(1)],
    [cborText('uki_auth'), cborBytes(ukiDigest)],
  ]);
  const checksumFile = Buffer.from(`${Buffer.from(sha256(measurement)).toString('hex')}  measurement.gcp.cbor\n`, 'latin1');
  return {
    osImageHash: sha256(checksumFile),
    ukiDigest,
    document: { checksum_file: checksumFile.toString('base64'), measurement: Buffer.from(measurement).toString('base64') },
  };
}

/**
 * The kernel image a machine with this VM configuration boots: the one its document names, or, without a document, one that
 * follows from the image hash and that no verifier can compare with anything.
 * @param imageHash 32 bytes
 * @throws AppraisalError for a document that is not the image's, VerificationError VM_CONFIG_MALFORMED
 */
export function bootedKernel(vmConfig: string, imageHash: Uint8Array): Uint8Array {
  if (vmConfigFields(vmConfig)['gcp_measurement'] === undefined) return kernelOf(imageHash);
  return gcpUkiDigest(vmConfig, Buffer.from(imageHash).toString('hex'));
}

function kernelOf(image: Uint8Array): Uint8Array {
  return sha256('dstack-node development unified kernel image of image ', image);
}
