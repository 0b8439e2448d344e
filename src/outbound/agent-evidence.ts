import { decodeAttestation } from '../attestation/wire/decode.js';
import { EvidenceSourceError } from '../errors/evidence-source-error.js';
import { VerificationError } from '../errors/verification-error.js';
import type { OwnEvidence } from '../kms/own-evidence.js';
import type { AgentCall } from './agent-http.js';

/** Evidence of the KMS's own machine from the guest agent on it (spec/kms.md sections 7 and 12). */
export function createAgentEvidence(call: AgentCall): OwnEvidence {
  return {
    async attest(reportData, signal) {
      const { attestation } = await call('Attest', { report_data: Buffer.from(reportData).toString('hex') }, signal);
      if (typeof attestation !== 'string' || !/^([0-9a-f]{2})+$/i.test(attestation)) throw failed('guest agent answered Attest without an attestation');
      const decoded = decode(Buffer.from(attestation, 'hex'));
      if (Buffer.compare(decoded.stack.reportData, reportData) !== 0) throw failed('guest agent attested other report data than it was given');
      return decoded;
    },
    async vmConfig() {
      const { vm_config: config } = await call('Info', {});
      return typeof config === 'string' ? config : '';
    },
  };
}

function decode(bytes: Uint8Array): ReturnType<typeof decodeAttestation> {
  try {
    return decodeAttestation(Uint8Array.from(bytes));
  } catch (cause) {
    throw cause instanceof VerificationError ? failed('guest agent answered Attest with something undecodable', cause) : cause;
  }
}

function failed(message: string, cause?: unknown): EvidenceSourceError {
  return new EvidenceSourceError('DEVICE_FAILED', message, { cause });
}
