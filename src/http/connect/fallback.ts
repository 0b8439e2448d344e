import type { ContextKey, ConnectRouter, HandlerContext } from '@connectrpc/connect';
import { createConnectRouter, createContextKey, createContextValues } from '@connectrpc/connect';
import { compressionBrotli, compressionGzip, universalRequestFromNodeRequest, universalResponseToNodeResponse } from '@connectrpc/connect-node';
import type { UniversalHandler } from '@connectrpc/connect/protocol';
import type { DescMessage, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { ServiceError } from '../../errors/service-error.js';
import type { Call } from '../call.js';
import type { Connection } from '../connection.js';
import { headerValue } from '../exchange.js';
import type { Exchange } from '../exchange.js';
import type { HandlerLimits } from '../handler-options.js';
import { procedureName } from '../method.js';
import type { Door, MethodBinding } from '../method.js';
import type { Pipeline } from '../pipeline.js';
import type { Responder } from '../respond.js';
import { settleAuthority } from './authority.js';
import { toConnectError } from './error.js';

/** What the library hands through to our handlers about a request. */
interface Origin {
  readonly connection: Connection;
  /** True once the request became a call of the pipeline, which then writes its audit record. */
  called: boolean;
}

const ORIGIN: ContextKey<Origin | null> = createContextKey<Origin | null>(null, { description: 'origin of the request' });

/** Takes a request that came through the library through the pipeline. Rejects with ConnectError. */
export type RunCall = <T extends object>(procedure: string, context: HandlerContext, work: (call: Call) => T | Promise<T>) => Promise<T>;

/** Adds routes that are not bindings, e.g. streams. */
export type ExtraRoutes = (router: ConnectRouter, run: RunCall) => void;

/**
 * The rest of Connect, and gRPC and gRPC-Web in whole, by the Connect library, calling the same pipeline.
 *
 * The library's own Node adapter is not used: it lets a request with a malformed Host end the process and
 * logs to the console. Its public parts, router and converters, are.
 */
export class ConnectFallback {
  readonly #pipeline: Pipeline;
  readonly #responder: Responder;
  readonly #limits: HandlerLimits;
  readonly #handlers: ReadonlyMap<string, UniversalHandler>;
  #open = 0;

  constructor(pipeline: Pipeline, responder: Responder, limits: HandlerLimits, bindings: readonly MethodBinding[], extra: readonly ExtraRoutes[]) {
    this.#pipeline = pipeline;
    this.#responder = responder;
    this.#limits = limits;
    const router = createConnectRouter({
      acceptCompression: [compressionGzip, compressionBrotli],
      readMaxBytes: limits.messageBody,
      writeMaxBytes: limits.prpcBody,
      maxTimeoutMs: limits.callMs,
    });
    const run: RunCall = (procedure, context, work) => this.#run(procedure, context, work);
    for (const { method, handler } of bindings) {
      router.rpc(method, (message: MessageShape<DescMessage>, context: HandlerContext) =>
        run<MessageInitShape<DescMessage>>(procedureName(method), context, (call) => handler(message, call)),
      );
    }
    for (const add of extra) add(router, run);
    this.#handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  }

  /** Answers the request if its path is a procedure; otherwise returns false and does nothing. */
  serve(exchange: Exchange): boolean {
    const handler = this.#handlers.get(exchange.target.path);
    if (handler === undefined) return false;
    if (!settleAuthority(exchange.request)) this.#responder.send(exchange, 400, 'text/plain; charset=utf-8', 'Bad Request');
    else if (this.#open >= this.#limits.concurrentCalls) this.#refuseBusy(exchange);
    else this.#serve(exchange, handler);
    return true;
  }

  #serve(exchange: Exchange, handler: UniversalHandler): void {
    const { request, response, connection, target } = exchange;
    const origin: Origin = { connection, called: false };
    this.#open++;
    // The body of an HTTP/2 request and a stream's messages are timed by nobody else.
    const timer = setTimeout(() => response.destroy(), this.#limits.callMs + this.#limits.bodyMs);
    response.once('close', () => {
      this.#open--;
      clearTimeout(timer);
      if (!origin.called) this.#recordUncalled(exchange);
    });
    // Routing is done; the library wants the origin form.
    request.url = target.query === null ? target.path : `${target.path}?${target.query}`;
    const values = createContextValues().set(ORIGIN, origin);
    handler(universalRequestFromNodeRequest(request, response, undefined, values))
      .then((answer) => {
        this.#responder.prepare(exchange);
        return universalResponseToNodeResponse(answer, response);
      })
      .catch(() => response.destroy());
  }

  #refuseBusy(exchange: Exchange): void {
    const call = this.#pipeline.open(exchange.target.path.slice(1), doorOf(exchange), exchange.connection, exchange.response);
    this.#pipeline.settle(call, new ServiceError('RESOURCE_EXHAUSTED', 'too many calls in progress'));
    // Every protocol has a reading of 503, so that the refusal needs none of their encoders.
    this.#responder.send(exchange, 503, 'text/plain; charset=utf-8', 'Service Unavailable');
  }

  /** The library refused the request, or the client broke off, before there was a message to call a handler with. */
  #recordUncalled(exchange: Exchange): void {
    const call = this.#pipeline.open(exchange.target.path.slice(1), doorOf(exchange), exchange.connection, exchange.response);
    this.#pipeline.settle(call, new ServiceError('INVALID_ARGUMENT', 'not a request of this procedure'));
  }

  #run<T extends object>(procedure: string, context: HandlerContext, work: (call: Call) => T | Promise<T>): Promise<T> {
    const origin = context.values.get(ORIGIN);
    if (origin === null) return Promise.reject(new TypeError('a call without an origin'));
    origin.called = true;
    const call = this.#pipeline.open(procedure, context.protocolName as Door, origin.connection, context.signal);
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void => {
        const wire = this.#pipeline.settle(call, error);
        if (wire !== null) reject(toConnectError(wire));
      };
      const done = (answer: T): void => {
        this.#pipeline.settle(call, null);
        resolve(answer);
      };
      this.#pipeline.admit(call, () => this.#pipeline.perform(call, () => work(call), context.timeoutMs() ?? null, done, fail), fail);
    });
  }
}

function doorOf(exchange: Exchange): Door {
  const type = headerValue(exchange.request, 'content-type') ?? '';
  if (type.startsWith('application/grpc-web')) return 'grpc-web';
  return type.startsWith('application/grpc') ? 'grpc' : 'connect';
}
