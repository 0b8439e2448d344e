import { createHash } from 'node:crypto';
import type { TpmEvent } from '../attestation/evidence/attestation.js';
import { replayPcr } from '../attestation/tpm/pcrs.js';

const measured = (pcrIndex: number, data: Uint8Array | string): TpmEvent => ({ pcrIndex, digest: new Uint8Array(createHash('sha256').update(data).digest()) });
const development = (pcrIndex: number, what: string): TpmEvent => measured(pcrIndex, `dstack-node development ${what}`);
const separator = (pcrIndex: number): TpmEvent => measured(pcrIndex, new Uint8Array(4));

/** Firmware alone: the same whatever it boots. */
const FIRMWARE: readonly TpmEvent[] = [development(0, 'firmware version'), development(0, 'firmware volume'), development(0, 'confidential technology')];

/**
 * What the firmware of a GCP machine measures into its vTPM on the way to a kernel image: in PCR 2 a separator, the partition
 * table, the image and the kernel inside it (spec/attestation.md section 2.5).
 * @param ukiDigest SHA-256 Authenticode digest of the image, 32 bytes
 * @throws TypeError for a digest of another length
 */
export function gcpFirmwareLog(ukiDigest: Uint8Array): readonly TpmEvent[] {
  if (ukiDigest.length !== 32) throw new TypeError('ukiDigest must be 32 bytes');
  return [
    ...FIRMWARE,
    ...['SecureBoot', 'PK', 'KEK', 'db', 'dbx'].map((variable) => development(7, variable)),
    ...[0, 2, 7].map(separator),
    development(2, 'partition table'),
    { pcrIndex: 2, digest: Uint8Array.from(ukiDigest) },
    { pcrIndex: 2, digest: new Uint8Array(createHash('sha256').update('dstack-node development kernel of ').update(ukiDigest).digest()) },
  ];
}

/** PCR 0 of every development machine, 32 bytes: what a KMS is told with `core.image.gcp_pcr0`. */
export function developmentGcpPcr0(): Uint8Array {
  return Uint8Array.from(replayPcr([...FIRMWARE, separator(0)]));
}
