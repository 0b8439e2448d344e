import type { AppInfo } from '../attestation/evidence/app-info.js';
import type { Attestation } from '../attestation/evidence/attestation.js';
import { unverifiedAppInfo } from '../attestation/evidence/measurements.js';

/**
 * What the instance's own evidence says about it, at run time. Read as V1 whatever it is written as, so that
 * a whole system configuration embedded in it is looked into as well (spec/attestation.md section 5).
 * @throws VerificationError when the evidence cannot be read
 */
export function ownAppInfo(attestation: Attestation): AppInfo {
  return unverifiedAppInfo({ ...attestation, wire: 'v1' }, { view: 'runtime' });
}
