import type { TeeVariant } from '../attestation/tee-variant.js';
import { AppraisalError } from '../errors/appraisal-error.js';

/** Platforms that are given keys only where an operator said so, whatever the policy says (spec/kms.md section 2). */
export interface ReleaseGates {
  readonly sevSnpKeyRelease: boolean;
}

/** @throws AppraisalError RELEASE_GATE_CLOSED */
export function assertGateOpen(variant: TeeVariant, { sevSnpKeyRelease }: ReleaseGates): void {
  if (variant === 'dstack-amd-sev-snp' && !sevSnpKeyRelease) throw new AppraisalError('RELEASE_GATE_CLOSED', 'amd sev-snp key release is not enabled');
}
