import type { AppIdSchema, PublicKeyResponseSchema } from '../../../gen/dstack/kms/v1/kms_pb.js';
import type { UnaryHandler } from '../../http/method.js';
import type { EnvEncryptKeys } from '../../kms/env-encrypt-key.js';

export function getAppEnvEncryptPubKey(keys: EnvEncryptKeys): UnaryHandler<typeof AppIdSchema, typeof PublicKeyResponseSchema> {
  return ({ appId }) => keys.get(appId);
}
