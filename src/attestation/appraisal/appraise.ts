import { AppraisalError } from '../../errors/appraisal-error.js';
import { nitroImageHash } from '../evidence/measurements.js';
import type { VerifiedAttestation } from '../evidence/verified.js';
import { osImageHashOf } from '../evidence/vm-config.js';
import type { NsmDocument } from '../nitro/document.js';
import { isDebugEnclave } from '../nitro/verify.js';

/** What genuine evidence must look like to be accepted. */
export interface AppraisalPolicy {
  /** TCB status texts accepted on platforms that have one. */
  readonly acceptedTcbStatuses: readonly string[];
  /** Advisories accepted with a status other than UpToDate; `any` accepts all of them. */
  readonly acceptedAdvisoryIds: readonly string[] | 'any';
  /** Accepts enclaves whose operator can read their memory. Never for anything that holds a real key. */
  readonly insecureAllowDebug: boolean;
}

/** The safe policy: nothing relaxed. */
export const STRICT_POLICY: AppraisalPolicy = { acceptedTcbStatuses: ['UpToDate'], acceptedAdvisoryIds: [], insecureAllowDebug: false };

/**
 * Is this genuine evidence acceptable? Debug mode, TCB status with advisories, and on Nitro the binding of
 * the image hash to what was measured (spec/attestation.md section 5.2, spec/kms.md section 14). Debuggable
 * trust domains never get here: verification refuses them.
 * @param config VM configuration that replaces the embedded one; "" for the embedded one. An enclave that names another image
 *   than was measured is refused whichever of the two does, and must name its own in the one that counts.
 * @throws AppraisalError DEBUG_MODE, TCB_STATUS_NOT_ACCEPTED, ADVISORY_NOT_ACCEPTED, IMAGE_HASH_MISMATCH
 * @throws VerificationError VM_CONFIG_MALFORMED
 */
export function appraise(verified: VerifiedAttestation, policy: AppraisalPolicy, config = ''): void {
  const { platform } = verified;
  if (platform.kind === 'nitro-enclave') {
    appraiseEnclave(platform.document, { embedded: verified.attestation.stack.config, given: config }, policy);
  } else {
    appraiseTcb(verified.tcbStatus, verified.advisoryIds, policy);
  }
}

/** The measurements of a debug enclave are zeros, so there is no image to compare. */
function appraiseEnclave(document: NsmDocument, { embedded, given }: Readonly<Record<'embedded' | 'given', string>>, policy: AppraisalPolicy): void {
  if (isDebugEnclave(document)) {
    if (policy.insecureAllowDebug) return;
    throw new AppraisalError('DEBUG_MODE', 'nitro enclave is in debug mode (PCR0/1/2 are zeroed); refusing to verify');
  }
  const computed = Buffer.from(nitroImageHash(document));
  const inEvidence = Buffer.from(osImageHashOf(embedded, { unwrap: false }));
  if (given !== '') assertImage(Buffer.from(osImageHashOf(given, { unwrap: false })), computed);
  if (given === '' || inEvidence.length > 0) assertImage(inEvidence, computed);
}

function assertImage(expected: Buffer, computed: Buffer): void {
  if (expected.equals(computed)) return;
  throw new AppraisalError('IMAGE_HASH_MISMATCH', `os_image_hash mismatch: expected=${expected.toString('hex')}, computed=${computed.toString('hex')}`);
}

/**
 * The status of a TDX platform. With UpToDate there is nothing left to do about an advisory; with any other
 * accepted status each advisory needs to be accepted as well.
 * @throws AppraisalError TCB_STATUS_NOT_ACCEPTED, ADVISORY_NOT_ACCEPTED
 */
export function appraiseTcb(status: string, advisoryIds: readonly string[], policy: AppraisalPolicy): void {
  if (!policy.acceptedTcbStatuses.includes(status)) throw new AppraisalError('TCB_STATUS_NOT_ACCEPTED', `TCB status ${status} is not accepted`);
  const { acceptedAdvisoryIds } = policy;
  if (status === 'UpToDate' || acceptedAdvisoryIds === 'any') return;
  const unaccepted = advisoryIds.filter((id) => !acceptedAdvisoryIds.includes(id));
  if (unaccepted.length > 0) throw new AppraisalError('ADVISORY_NOT_ACCEPTED', `TCB status ${status} with advisories not accepted: ${unaccepted.join(', ')}`);
}
