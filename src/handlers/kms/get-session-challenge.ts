import type { EmptySchema } from '@bufbuild/protobuf/wkt';
import type { SessionChallengeSchema } from '../../../gen/dstack/kms/v1/kms_pb.js';
import type { UnaryHandler } from '../../http/method.js';
import type { SessionBindings } from '../../kms/session-binding.js';

export function getSessionChallenge(sessions: SessionBindings): UnaryHandler<typeof EmptySchema, typeof SessionChallengeSchema> {
  return (_request, call) => ({ nonce: sessions.challenge(call.session) });
}
