import { lstatSync } from 'node:fs';
import { EvidenceSourceError } from '../errors/evidence-source-error.js';

/** Where Linux shows that this machine can make genuine evidence (spec/attestation.md section 1). */
export const TEE_DEVICE_PATHS: readonly string[] = [
  '/dev/tdx_guest',
  '/dev/nsm',
  '/dev/sev-guest',
  '/sys/kernel/config/tsm/report',
];

/**
 * Refuses the development platform on a machine that has a real TEE: there it could only replace
 * genuine evidence by evidence anybody with the seed can make. A path that cannot be looked at counts as present.
 * @throws EvidenceSourceError NOT_THIS_PLATFORM naming the first device found.
 */
export function assertNoTeeDevice(paths: readonly string[] = TEE_DEVICE_PATHS): void {
  for (const path of paths) {
    if (isPresent(path)) {
      throw new EvidenceSourceError('NOT_THIS_PLATFORM', `development platform refused: this machine has, or hides, a TEE device (${path}); use the platform of that device`);
    }
  }
}

function isPresent(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}
