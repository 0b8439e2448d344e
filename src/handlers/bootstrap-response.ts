import type { MessageInitShape } from '@bufbuild/protobuf';
import type { BootstrapResponseSchema } from '../../gen/dstack/kms/v1/onboard_pb.js';
import type { BootstrapInfo } from '../kms/bootstrap-info.js';

/** The answer to Bootstrap, which GetMeta repeats. `public_key` is the name operators register it by. */
export function bootstrapResponse({ caPublicKey, k256PublicKey, attestation, measurement }: BootstrapInfo): MessageInitShape<typeof BootstrapResponseSchema> {
  return { caPubkey: caPublicKey, k256Pubkey: k256PublicKey, attestation, publicKey: k256PublicKey, measurement };
}
