import type { SignRequestSchema, SignResponseSchema } from '../../../gen/dstack/guestagent/v1/guest_agent_pb.js';
import type { AppSigner } from '../../guest-agent/sign.js';
import type { UnaryHandler } from '../../http/method.js';

export function sign(signer: AppSigner): UnaryHandler<typeof SignRequestSchema, typeof SignResponseSchema> {
  return ({ algorithm, data }) => {
    const { signature, signatureChain, publicKey } = signer.sign(algorithm, data);
    return { signature, signatureChain: [...signatureChain], publicKey };
  };
}
