import { type SessionBinding, sessionReportData } from '../../crypto/session-report-data.js';
import { VerificationError } from '../../errors/verification-error.js';
import type { AttestationVerifier } from '../evidence/attestation-verifier.js';
import { appInfo } from '../evidence/measurements.js';
import type { VerifiedAttestation } from '../evidence/verified.js';
import { decodeAttestation } from '../wire/decode.js';

/**
 * Verifies that evidence was made for this very connection, by the holder of `binding.spki`, after the nonce was chosen.
 * Evidence relayed from another connection has other report data. The binding is checked first, as it costs nothing.
 * @param attestation versioned attestation
 * @throws VerificationError ATTESTATION_MALFORMED, REPORT_DATA_MISMATCH, and as the verifier
 */
export async function verifySessionEvidence(attestation: Uint8Array, binding: SessionBinding, verifier: AttestationVerifier): Promise<VerifiedAttestation> {
  const decoded = decodeAttestation(attestation);
  if (Buffer.compare(decoded.stack.reportData, sessionReportData(binding)) !== 0) {
    throw new VerificationError('REPORT_DATA_MISMATCH', 'the evidence is not of this session');
  }
  return verifier.verify(decoded);
}

/**
 * Are these two of one machine in one boot, with one application? Events of the application itself, which may come between
 * the two, do not count: measurements are those at the end of the boot.
 * @throws VerificationError VM_CONFIG_MALFORMED
 */
export function isSameMachine(a: VerifiedAttestation, b: VerifiedAttestation): boolean {
  const [one, other] = [a, b].map((verified) => appInfo(verified, { view: 'boot-time' }));
  if (one === undefined || other === undefined || a.variant !== b.variant) return false;
  const fields = ['appId', 'composeHash', 'instanceId', 'deviceId', 'mrSystem', 'mrAggregated', 'osImageHash', 'keyProviderInfo'] as const;
  return fields.every((field) => Buffer.compare(one[field], other[field]) === 0);
}
