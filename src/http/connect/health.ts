import type { DescService } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { Health, HealthCheckResponse_ServingStatus as Status } from '../../../gen/grpc/health/v1/health_pb.js';
import { procedureName } from '../method.js';
import type { ExtraRoutes } from './fallback.js';

export const HEALTH_PROCEDURES: readonly string[] = [procedureName(Health.method.check), procedureName(Health.method.list)];

/**
 * gRPC health (https://github.com/grpc/grpc/blob/master/doc/health-checking.md): the process as a whole under
 * the empty name, and each of its services; they are all up or all down.
 *
 * Watch is refused, as that document allows: it holds a stream open for as long as the client likes, and
 * since anybody may ask for health, anybody could use it to hold all streams there are.
 */
export function healthRoutes(services: readonly DescService[], serving: () => boolean): ExtraRoutes {
  const names = ['', ...services.map((service) => service.typeName)];
  const answer = (): { status: Status } => ({ status: serving() ? Status.SERVING : Status.NOT_SERVING });
  return (router, run) => {
    router.rpc(Health.method.check, ({ service }, context) => {
      if (!names.includes(service)) throw new ConnectError('unknown service', Code.NotFound);
      return run(procedureName(Health.method.check), context, answer);
    });
    router.rpc(Health.method.list, (_, context) =>
      run(procedureName(Health.method.list), context, () => ({ statuses: Object.fromEntries(names.map((name) => [name, answer()])) })),
    );
    router.rpc(Health.method.watch, () => {
      throw new ConnectError('Watch is not offered, use Check', Code.Unimplemented);
    });
  };
}
