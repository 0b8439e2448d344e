import type { GetAttestationRequestSchema, GetAttestationResponseSchema } from '../../../gen/dstack/guestagent/v1/guest_agent_pb.js';
import type { EvidenceSource } from '../../attestation/evidence/evidence-source.js';
import { getNsmDocument } from '../../guest-agent/nsm-document.js';
import type { UnaryHandler } from '../../http/method.js';
import { askerOf } from '../asker.js';

export function getAttestation(evidence: EvidenceSource): UnaryHandler<typeof GetAttestationRequestSchema, typeof GetAttestationResponseSchema> {
  return async ({ userData, nonce, publicKey }, call) => ({
    document: await getNsmDocument(evidence, { userData, nonce, publicKey }, call.signal, askerOf(call)),
  });
}
