import type { EmptySchema } from '@bufbuild/protobuf/wkt';
import type { GpuInfoResponseSchema } from '../../../gen/dstack/guestagent/v1/guest_agent_pb.js';
import type { UnaryHandler } from '../../http/method.js';

/** `read` gives the text the boot flow left, "" without a GPU. */
export function gpuInfo(read: () => Promise<string>): UnaryHandler<typeof EmptySchema, typeof GpuInfoResponseSchema> {
  return async () => ({ attestation: await read() });
}
