import type { GetKeyArgsSchema, GetKeyResponseSchema } from '../../../gen/dstack/guestagent/v1/guest_agent_pb.js';
import { type AppKeyDeriver, keyPath } from '../../guest-agent/derive-key.js';
import type { UnaryHandler } from '../../http/method.js';

export function getKey(keys: AppKeyDeriver): UnaryHandler<typeof GetKeyArgsSchema, typeof GetKeyResponseSchema> {
  return ({ path, name, purpose, algorithm }) => {
    const { key, signatureChain } = keys.getKey({ path: keyPath(path, name), purpose, algorithm });
    return { key, signatureChain: [...signatureChain] };
  };
}
