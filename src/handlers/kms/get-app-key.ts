import type { AppKeyResponseSchema, GetAppKeyRequestSchema } from '../../../gen/dstack/kms/v1/kms_pb.js';
import type { UnaryHandler } from '../../http/method.js';
import { type ReleaseDependencies, releaseAppKey } from '../../kms/release-app-key.js';
import { APP_NOT_ATTESTED, attestedCaller } from './attested.js';

export function getAppKey(dependencies: ReleaseDependencies): UnaryHandler<typeof GetAppKeyRequestSchema, typeof AppKeyResponseSchema> {
  return async ({ apiVersion, vmConfig }, call) => {
    const released = await releaseAppKey({ apiVersion, vmConfig, verified: attestedCaller(call, APP_NOT_ATTESTED) }, dependencies);
    const { rootCaCert: caCert, gatewayAppId, diskCryptKey, envCryptKey, k256Key, k256Signature, osImageHash } = released;
    return { caCert, diskCryptKey, envCryptKey, k256Key, k256Signature, tproxyAppId: gatewayAppId, gatewayAppId, osImageHash };
  };
}
