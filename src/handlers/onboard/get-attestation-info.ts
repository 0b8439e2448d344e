import type { EmptySchema } from '@bufbuild/protobuf/wkt';
import type { AttestationInfoResponseSchema } from '../../../gen/dstack/kms/v1/onboard_pb.js';
import type { UnaryHandler } from '../../http/method.js';
import { type AttestationInfoDependencies, attestationInfo } from '../../onboard/attestation-info.js';

export function getAttestationInfo(dependencies: AttestationInfoDependencies): UnaryHandler<typeof EmptySchema, typeof AttestationInfoResponseSchema> {
  return async () => {
    const info = await attestationInfo(dependencies);
    return { ...info, attestationMode: info.teeVariant };
  };
}
