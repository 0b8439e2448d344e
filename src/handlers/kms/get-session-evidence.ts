import type { GetSessionEvidenceRequestSchema, SessionEvidenceSchema } from '../../../gen/dstack/kms/v1/kms_pb.js';
import type { UnaryHandler } from '../../http/method.js';
import type { SessionBindings } from '../../kms/session-binding.js';
import { askerOf } from '../asker.js';

export function getSessionEvidence(sessions: SessionBindings): UnaryHandler<typeof GetSessionEvidenceRequestSchema, typeof SessionEvidenceSchema> {
  return async ({ nonce }, call) => ({ attestation: await sessions.evidence(call.session, nonce, askerOf(call), call.signal) });
}
