import type { BindSessionRequestSchema, BindSessionResponseSchema } from '../../../gen/dstack/kms/v1/kms_pb.js';
import type { UnaryHandler } from '../../http/method.js';
import type { SessionBindings } from '../../kms/session-binding.js';
import { attestedCaller, NOT_ATTESTED } from './attested.js';

export function bindSession(sessions: SessionBindings): UnaryHandler<typeof BindSessionRequestSchema, typeof BindSessionResponseSchema> {
  return async ({ attestation }, call) => ({ seconds: await sessions.bind(call.session, attestedCaller(call, NOT_ATTESTED), attestation) });
}
