import { hex } from '../../crypto/hex.js';
import { AppraisalError } from '../../errors/appraisal-error.js';
import { nitroImageHash } from '../evidence/measurements.js';
import { osImageHashOf } from '../evidence/vm-config.js';
import type { NsmDocument } from '../nitro/document.js';
import { isDebugEnclave } from '../nitro/verify.js';
import { type Claim, claimOf, contraindicated } from './claim.js';
import type { AppraisalPolicy } from './policy.js';

/** Where an enclave's image hash is claimed: in the evidence, and in a VM configuration that was given beside it; "" for neither. */
export interface ClaimedImages {
  readonly embedded: string;
  readonly given: string;
}

/**
 * The claims of a Nitro Enclave. AWS publishes no TCB status, and the application id is the enclave's own word. An enclave that
 * names another image than was measured is refused whichever configuration does, and must name its own in the one that counts.
 * Refusals: DEBUG_MODE, IMAGE_HASH_MISMATCH.
 * @throws VerificationError VM_CONFIG_MALFORMED
 */
export function enclaveClaims(document: NsmDocument, images: ClaimedImages, policy: AppraisalPolicy): readonly Claim[] {
  const debug = isDebugEnclave(document);
  return [
    debugClaim(debug, policy),
    claimOf('page-removal-hidden', 'none', null),
    claimOf('tcb-status', 'none', null),
    claimOf('advisories', 'none', null),
    claimOf('tcb-evaluation-number', 'none', null),
    // The measurements of a debug enclave are zeros, so there is no image to compare.
    debug ? claimOf('image-measured', 'none', null) : imageClaim(document, images),
    claimOf('application-measured', 'none', false),
  ];
}

function debugClaim(debug: boolean, { insecureAllowDebug }: AppraisalPolicy): Claim {
  if (!debug) return claimOf('debug-disabled', 'affirming', true);
  if (insecureAllowDebug) return claimOf('debug-disabled', 'warning', false);
  return contraindicated('debug-disabled', false, new AppraisalError('DEBUG_MODE', 'nitro enclave is in debug mode (PCR0/1/2 are zeroed); refusing to verify'));
}

function imageClaim(document: NsmDocument, { embedded, given }: ClaimedImages): Claim {
  const computed = hex(nitroImageHash(document));
  const inEvidence = hex(osImageHashOf(embedded, { unwrap: false }));
  const claimed = [
    ...(given !== '' ? [hex(osImageHashOf(given, { unwrap: false }))] : []),
    ...(given === '' || inEvidence !== '' ? [inEvidence] : []),
  ];
  const other = claimed.find((image) => image !== computed);
  if (other === undefined) return claimOf('image-measured', 'affirming', computed);
  return contraindicated('image-measured', computed, new AppraisalError('IMAGE_HASH_MISMATCH', `os_image_hash mismatch: expected=${other}, computed=${computed}`));
}
