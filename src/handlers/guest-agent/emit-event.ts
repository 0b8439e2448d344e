import type { EmptySchema } from '@bufbuild/protobuf/wkt';
import type { EmitEventArgsSchema } from '../../../gen/dstack/guestagent/v1/guest_agent_pb.js';
import type { MeasuredLog } from '../../guest-agent/measured-log.js';
import type { UnaryHandler } from '../../http/method.js';

export function emitEvent(log: MeasuredLog): UnaryHandler<typeof EmitEventArgsSchema, typeof EmptySchema> {
  return async ({ event, payload }) => {
    await log.emit(event, payload);
    return {};
  };
}
