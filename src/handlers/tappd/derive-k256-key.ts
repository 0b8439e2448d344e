import type { GetKeyArgsSchema } from '../../../gen/dstack/guestagent/v1/guest_agent_pb.js';
import type { DeriveK256KeyResponseSchema } from '../../../gen/dstack/guestagent/v1/tappd_pb.js';
import { type AppKeyDeriver, keyPath } from '../../guest-agent/derive-key.js';
import type { UnaryHandler } from '../../http/method.js';

export function deriveK256Key(keys: AppKeyDeriver): UnaryHandler<typeof GetKeyArgsSchema, typeof DeriveK256KeyResponseSchema> {
  return ({ path, name, purpose, algorithm }) => {
    const { key, signatureChain } = keys.getKey({ path: keyPath(path, name), purpose, algorithm });
    return { k256Key: key, k256SignatureChain: [...signatureChain] };
  };
}
