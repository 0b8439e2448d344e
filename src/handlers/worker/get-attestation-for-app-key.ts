import type { GetQuoteResponseSchema } from '../../../gen/dstack/guestagent/v1/guest_agent_pb.js';
import type { GetAttestationForAppKeyRequestSchema } from '../../../gen/dstack/guestagent/v1/worker_pb.js';
import type { AppKeyAttester } from '../../guest-agent/app-key-attestation.js';
import type { UnaryHandler } from '../../http/method.js';

export function getAttestationForAppKey(
  attester: AppKeyAttester,
): UnaryHandler<typeof GetAttestationForAppKeyRequestSchema, typeof GetQuoteResponseSchema> {
  return ({ algorithm }) => attester(algorithm);
}
