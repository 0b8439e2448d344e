import type { EmptySchema } from '@bufbuild/protobuf/wkt';
import type { GetMetaResponseSchema } from '../../../gen/dstack/kms/v1/kms_pb.js';
import type { UnaryHandler } from '../../http/method.js';
import type { Meta } from '../../kms/meta.js';
import { bootstrapResponse } from '../bootstrap-response.js';

export function getMeta(meta: () => Promise<Meta>): UnaryHandler<typeof EmptySchema, typeof GetMetaResponseSchema> {
  return async () => {
    const { rootCaCert, k256PublicKey, development, bootstrapInfo, authorizer } = await meta();
    const { gatewayAppId, kmsContractAddress, chainId, appImplementation } = authorizer;
    return {
      caCert: rootCaCert,
      allowAnyUpgrade: development,
      k256Pubkey: k256PublicKey,
      ...(bootstrapInfo === null ? {} : { bootstrapInfo: bootstrapResponse(bootstrapInfo) }),
      isDev: development,
      ...(gatewayAppId === null ? {} : { gatewayAppId }),
      ...(kmsContractAddress === null ? {} : { kmsContractAddress }),
      ...(chainId === null ? {} : { chainId }),
      ...(appImplementation === null ? {} : { appAuthImplementation: appImplementation }),
    };
  };
}
