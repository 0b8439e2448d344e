import type { TpmEvent } from '../evidence/attestation.js';

const BOOT_LOADER_PCR = 2;
/** After a separator and the partition table (spec/attestation.md section 2.5). */
const UKI_POSITION = 2;

/**
 * Where GCP's firmware measures the unified kernel image: its SHA-256 Authenticode digest is the third event of PCR 2. null when there
 * are fewer. To be believed, the events must replay to the quoted value of that PCR.
 */
export function ukiEvent(events: readonly TpmEvent[]): Uint8Array | null {
  return events.filter(({ pcrIndex }) => pcrIndex === BOOT_LOADER_PCR)[UKI_POSITION]?.digest ?? null;
}
