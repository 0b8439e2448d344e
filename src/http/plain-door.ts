import type { Exchange } from './exchange.js';
import type { Pipeline } from './pipeline.js';
import type { PlainAnswer, PlainRoute } from './plain-route.js';
import { encodePrpcErrorJson } from './prpc/encode-error.js';
import type { Responder } from './respond.js';

/** The documented plain URLs: exact path, GET and HEAD (spec/api.md sections 1.1 to 1.3, 3.2). */
export class PlainDoor {
  readonly #pipeline: Pipeline;
  readonly #responder: Responder;
  readonly #routes: ReadonlyMap<string, PlainRoute>;

  /** Throws TypeError when two routes have one path. */
  constructor(pipeline: Pipeline, responder: Responder, routes: readonly PlainRoute[]) {
    this.#pipeline = pipeline;
    this.#responder = responder;
    this.#routes = new Map(routes.map((route) => [route.path, route]));
    if (this.#routes.size < routes.length) throw new TypeError('two plain routes have one path');
  }

  /** Answers the request if it is for a plain URL; otherwise returns false and does nothing. */
  serve(exchange: Exchange): boolean {
    const { request, target } = exchange;
    const route = this.#routes.get(target.path);
    if (route === undefined || (request.method !== 'GET' && request.method !== 'HEAD')) return false;
    const query = new URLSearchParams(target.query ?? '');
    if (route.declines?.(query) === true) return false;
    this.#call(exchange, route, query);
    return true;
  }

  #call(exchange: Exchange, route: PlainRoute, query: URLSearchParams): void {
    const { request, response, connection, target } = exchange;
    const call = this.#pipeline.open(route.procedure, 'plain', connection, response);
    const fail = (error: unknown): void => {
      const wire = this.#pipeline.settle(call, error);
      if (wire !== null) this.#responder.send(exchange, wire.httpStatus, 'application/json', encodePrpcErrorJson(wire.message, wire.code));
    };
    const done = (answer: PlainAnswer): void => {
      this.#pipeline.settle(call, null);
      const body = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body;
      this.#responder.send(exchange, answer.status, answer.contentType, body, answer.headers, answer.afterSent);
    };
    const work = (): PlainAnswer | Promise<PlainAnswer> => route.handle({ method: request.method ?? 'GET', path: target.path, query, call });
    this.#pipeline.admit(call, () => this.#pipeline.perform(call, work, null, done, fail), fail);
  }
}
