import type { VerifyRequestSchema, VerifyResponseSchema } from '../../../gen/dstack/guestagent/v1/guest_agent_pb.js';
import { verifySignature } from '../../guest-agent/verify.js';
import type { UnaryHandler } from '../../http/method.js';

export function verify(): UnaryHandler<typeof VerifyRequestSchema, typeof VerifyResponseSchema> {
  return ({ algorithm, data, signature, publicKey }) => ({ valid: verifySignature({ algorithm, data, signature, publicKey }) });
}
