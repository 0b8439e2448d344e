import type { GetKmsKeyRequestSchema, KmsKeyResponseSchema } from '../../../gen/dstack/kms/v1/kms_pb.js';
import type { UnaryHandler } from '../../http/method.js';
import { type KmsKeyDependencies, releaseKmsKeys } from '../../kms/release-kms-keys.js';
import { attestedCaller, NOT_ATTESTED } from './attested.js';

export function getKmsKey(dependencies: KmsKeyDependencies): UnaryHandler<typeof GetKmsKeyRequestSchema, typeof KmsKeyResponseSchema> {
  return async ({ vmConfig }, call) => {
    const { tempCaKey, rootCaKey, k256Key } = await releaseKmsKeys({ vmConfig, verified: attestedCaller(call, NOT_ATTESTED) }, dependencies);
    return { tempCaKey, keys: [{ caKey: rootCaKey, k256Key }] };
  };
}
