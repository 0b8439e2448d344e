import type { GetKeyRequestSchema, GetKeyResponseSchema } from '../../../gen/dstack/kms/v1/kms_pb.js';
import type { UnaryHandler } from '../../http/method.js';
import { type NamedKeyDependencies, releaseNamedKey } from '../../kms/release-named-key.js';
import { APP_NOT_ATTESTED, attestedCaller } from './attested.js';

export function getKey(dependencies: NamedKeyDependencies): UnaryHandler<typeof GetKeyRequestSchema, typeof GetKeyResponseSchema> {
  return async ({ name }, call) => ({ key: await releaseNamedKey({ name, verified: attestedCaller(call, APP_NOT_ATTESTED) }, dependencies) });
}
