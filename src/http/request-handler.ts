import { Health } from '../../gen/grpc/health/v1/health_pb.js';
import { ANONYMOUS } from './access.js';
import type { Access, AccessTable } from './access.js';
import { BodyBudget } from './body.js';
import { ConnectFallback } from './connect/fallback.js';
import { HEALTH_PROCEDURES, healthRoutes } from './connect/health.js';
import { REFLECTION_PROCEDURES, reflectionRoutes } from './connect/reflection.js';
import { ConnectUnary } from './connect/unary.js';
import type { RequestHandler } from './connection.js';
import type { Exchange } from './exchange.js';
import { DEFAULT_HANDLER_LIMITS } from './handler-options.js';
import type { HandlerLimits, HandlerOptions } from './handler-options.js';
import { sendNotFound } from './not-found.js';
import { Pipeline } from './pipeline.js';
import { PlainDoor } from './plain-door.js';
import { PrpcDoor } from './prpc-door.js';
import { parseTarget } from './request-target.js';
import { Responder } from './respond.js';

/** One way in; answers the request or says it is not for it. */
interface RequestDoor {
  serve(exchange: Exchange): boolean;
}

/**
 * Everything one listener serves, as one function (spec/api.md section 4): the doors in order of how often
 * they are used, each trying by path, over one pipeline. What no door wants is 404.
 *
 * Throws TypeError when the options contradict themselves: two methods or routes in one place.
 */
export function createRequestHandler(options: HandlerOptions): RequestHandler {
  const limits: HandlerLimits = { ...DEFAULT_HANDLER_LIMITS, ...options.limits };
  const responder = new Responder(options.headers ?? {});
  const pipeline = new Pipeline({
    access: withOwnProcedures(options.access),
    audit: options.audit,
    appIdOf: options.appIdOf ?? (() => null),
    callMs: limits.callMs,
    concurrentCalls: limits.concurrentCalls,
    monotonicNow: options.monotonicNow ?? (() => performance.now()),
  });
  const doors = createDoors(options, limits, pipeline, responder);
  return (request, response, connection) => {
    const exchange: Exchange = { request, response, connection, target: parseTarget(request.url ?? '') };
    try {
      for (const door of doors) if (door.serve(exchange)) return;
      sendNotFound(responder, exchange);
    } catch {
      responder.send(exchange, 400, 'text/plain; charset=utf-8', 'Bad Request');
    }
  };
}

function createDoors(options: HandlerOptions, limits: HandlerLimits, pipeline: Pipeline, responder: Responder): readonly RequestDoor[] {
  const { bindings } = options;
  const budget = new BodyBudget(limits.bufferedBodies);
  const bodies = (size: number) => ({ size, budget, arrivalMs: limits.bodyMs });
  const plain = new PlainDoor(pipeline, responder, options.plain);
  const prpc = new PrpcDoor(pipeline, responder, bodies(limits.prpcBody), options.prpc, bindings);
  if (options.connect === false) return [plain, prpc];
  const services = [...new Set(bindings.map((binding) => binding.method.parent)), Health];
  const extra = [healthRoutes(services, options.serving ?? (() => true)), reflectionRoutes(services)];
  return [
    plain,
    prpc,
    new ConnectUnary(pipeline, responder, bodies(limits.messageBody), bindings),
    new ConnectFallback(pipeline, responder, limits, bindings, extra),
  ];
}

/** Health and reflection reveal that the process runs and what its schema is: open to everybody, by design. */
function withOwnProcedures(access: AccessTable): AccessTable {
  const own = [...HEALTH_PROCEDURES, ...REFLECTION_PROCEDURES].map((procedure): [string, Access] => [procedure, ANONYMOUS]);
  return new Map([...own, ...access]);
}
