import { AppraisalError } from '../../errors/appraisal-error.js';
import { VerificationError } from '../../errors/verification-error.js';
import type { TdReport } from '../tdx/quote.js';
import { isDebugEnclave } from '../tdx/sgx-report.js';
import type { SgxReport } from '../tdx/sgx-report.js';
import { isAllZero } from './masked-equal.js';

/** SEPT_VE_DISABLE (bit 28): the guest is not interrupted on pages the host took away. */
const SEPT_VE_DISABLE = 0x10;
/**
 * Bits that may be set, byte by byte (Intel TDX module specification, TD_ATTRIBUTES): SEPT_VE_DISABLE,
 * PKS (30) and KL (31). DEBUG has its own check; all other bits, PERFMON (63) and the reserved bit 39
 * among them, are refused (trap T10).
 */
const ALLOWED = Uint8Array.of(0, 0, 0, SEPT_VE_DISABLE | 0xc0, 0, 0, 0, 0);
const DEBUG = 1;

/**
 * Does the guest run in a mode its memory is safe in? Step 13 of spec/attestation.md section 6.3.
 * @throws VerificationError TD_RESERVED_ATTRIBUTES, TD_SEPT_VE_NOT_DISABLED, TD_SERVICE_TD_BOUND
 * @throws AppraisalError DEBUG_MODE: genuine, but the host can read it
 */
export function checkAttributes(report: TdReport | SgxReport): void {
  if (report.kind === 'sgx') {
    if (isDebugEnclave(report)) throw debugMode();
    return;
  }
  const attributes = report.tdAttributes;
  const flags = attributes[0] ?? 0;
  if ((flags & ~DEBUG) !== 0) throw reserved(attributes);
  if ((flags & DEBUG) !== 0) throw debugMode();
  if (attributes.some((byte, i) => i > 0 && (byte & ~(ALLOWED[i] ?? 0)) !== 0)) throw reserved(attributes);
  if (((attributes[3] ?? 0) & SEPT_VE_DISABLE) === 0) throw new VerificationError('TD_SEPT_VE_NOT_DISABLED', 'SEPT_VE_DISABLE is not set');
  if (report.mrServiceTd !== null && !isAllZero(report.mrServiceTd)) {
    throw new VerificationError('TD_SERVICE_TD_BOUND', 'a service TD is bound to this TD');
  }
}

function debugMode(): AppraisalError {
  return new AppraisalError('DEBUG_MODE', 'Debug mode is not allowed');
}

function reserved(attributes: Uint8Array): VerificationError {
  return new VerificationError('TD_RESERVED_ATTRIBUTES', `reserved TD attributes are set: ${Buffer.from(attributes).toString('hex')}`);
}
