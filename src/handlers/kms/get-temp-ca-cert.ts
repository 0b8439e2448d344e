import type { EmptySchema } from '@bufbuild/protobuf/wkt';
import type { GetTempCaCertResponseSchema } from '../../../gen/dstack/kms/v1/kms_pb.js';
import type { UnaryHandler } from '../../http/method.js';
import type { TempCa } from '../../kms/temp-ca.js';

export function getTempCaCert(tempCa: () => Promise<TempCa>): UnaryHandler<typeof EmptySchema, typeof GetTempCaCertResponseSchema> {
  return async () => {
    const { tempCaCert, tempCaKey, rootCaCert } = await tempCa();
    return { tempCaCert, tempCaKey, caCert: rootCaCert };
  };
}
