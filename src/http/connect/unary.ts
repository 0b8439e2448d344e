import { isUtf8 } from 'node:buffer';
import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { create, fromBinary, fromJsonString, toBinary, toJsonString } from '@bufbuild/protobuf';
import { invalidArgument } from '../../errors/service-error.js';
import { readBody } from '../body.js';
import type { BodyLimits } from '../body.js';
import type { Call } from '../call.js';
import type { Exchange } from '../exchange.js';
import { procedureName } from '../method.js';
import type { MethodBinding } from '../method.js';
import type { Pipeline } from '../pipeline.js';
import type { Responder } from '../respond.js';
import { hasUsualAuthority } from './authority.js';
import { connectErrorBody } from './error.js';

const JSON_TYPE = 'application/json';
const JSON_TYPE_WITH_CHARSET = 'application/json; charset=utf-8';
const BINARY_TYPE = 'application/proto';

interface Entry {
  readonly procedure: string;
  readonly method: DescMethodUnary;
  readonly handler: MethodBinding['handler'];
}

/**
 * The common case of the Connect protocol, without a library: a unary POST of JSON or protobuf, neither
 * compressed nor with a deadline (https://connectrpc.com/docs/protocol#unary-request). Everything else that
 * may arrive on the same paths is left to the fallback.
 */
export class ConnectUnary {
  readonly #pipeline: Pipeline;
  readonly #responder: Responder;
  readonly #limits: BodyLimits;
  readonly #entries: ReadonlyMap<string, Entry>;

  constructor(pipeline: Pipeline, responder: Responder, limits: BodyLimits, bindings: readonly MethodBinding[]) {
    this.#pipeline = pipeline;
    this.#responder = responder;
    this.#limits = limits;
    this.#entries = new Map(
      bindings.map(({ method, handler }) => [`/${procedureName(method)}`, { procedure: procedureName(method), method, handler }]),
    );
  }

  /** Answers the request if it is of the common case; otherwise returns false and does nothing. */
  serve(exchange: Exchange): boolean {
    const { request, response, connection, target } = exchange;
    const entry = this.#entries.get(target.path);
    if (entry === undefined || request.method !== 'POST') return false;
    const { headers } = request;
    const type = headers['content-type'];
    const json = type === JSON_TYPE || type === JSON_TYPE_WITH_CHARSET;
    if (!json && type !== BINARY_TYPE) return false;
    if (headers['content-encoding'] !== undefined || headers['connect-timeout-ms'] !== undefined || !hasUsualAuthority(request)) return false;
    const call = this.#pipeline.open(entry.procedure, 'connect', connection, response);
    const fail = (error: unknown): void => this.#fail(exchange, call, error);
    this.#pipeline.admit(call, () => readBody(request, this.#limits, (body) => this.#dispatch(exchange, entry, call, json, body), fail), fail);
    return true;
  }

  #dispatch(exchange: Exchange, entry: Entry, call: Call, json: boolean, body: Uint8Array): void {
    const { input, output } = entry.method;
    this.#pipeline.perform(
      call,
      () => entry.handler(json ? decodeJson(input, body) : decodeBinary(input, body), call),
      null,
      (answer) => {
        let bytes: Uint8Array;
        try {
          bytes = encode(output, answer, json);
        } catch (error) {
          this.#fail(exchange, call, error);
          return;
        }
        this.#pipeline.settle(call, null);
        this.#responder.send(exchange, 200, json ? JSON_TYPE : BINARY_TYPE, bytes);
      },
      (error) => this.#fail(exchange, call, error),
    );
  }

  #fail(exchange: Exchange, call: Call, error: unknown): void {
    const wire = this.#pipeline.settle(call, error);
    if (wire !== null) this.#responder.send(exchange, wire.httpStatus, JSON_TYPE, connectErrorBody(wire));
  }
}

function decodeJson(input: DescMessage, body: Uint8Array): MessageShape<DescMessage> {
  if (!isUtf8(body)) throw invalidArgument('failed to decode JSON message: not UTF-8');
  try {
    return fromJsonString(input, Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'), { ignoreUnknownFields: true });
  } catch (error) {
    throw invalidArgument(`failed to decode JSON message: ${reason(error)}`);
  }
}

function decodeBinary(input: DescMessage, body: Uint8Array): MessageShape<DescMessage> {
  try {
    return fromBinary(input, body, { readUnknownFields: false });
  } catch (error) {
    throw invalidArgument(`failed to decode Protobuf message: ${reason(error)}`);
  }
}

function encode(output: DescMessage, answer: MessageInitShape<DescMessage>, json: boolean): Uint8Array {
  const message = create(output, answer);
  return json ? Buffer.from(toJsonString(output, message)) : toBinary(output, message);
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
