import type { EmptySchema } from '@bufbuild/protobuf/wkt';
import type { WorkerVersionSchema } from '../../../gen/dstack/guestagent/v1/guest_agent_pb.js';
import type { UnaryHandler } from '../../http/method.js';

/** Which build is running. `version` has no leading `v`; `rev` is `git:<20 hex>` or `unknown`. */
export interface BuildVersion {
  readonly version: string;
  readonly rev: string;
}

export function version(build: BuildVersion): UnaryHandler<typeof EmptySchema, typeof WorkerVersionSchema> {
  return () => ({ version: build.version, rev: build.rev });
}
