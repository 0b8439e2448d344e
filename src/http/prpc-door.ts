import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { create, toBinary } from '@bufbuild/protobuf';
import { ServiceError } from '../errors/service-error.js';
import type { ServiceCode } from '../errors/service-error.js';
import type { BodyLimits } from './body.js';
import { readBody } from './body.js';
import type { Call } from './call.js';
import { headerValue } from './exchange.js';
import type { Exchange } from './exchange.js';
import type { PrpcMount } from './handler-options.js';
import { procedureName } from './method.js';
import type { MethodBinding } from './method.js';
import type { Pipeline } from './pipeline.js';
import { decodePrpcBinary } from './prpc/decode-binary.js';
import { decodePrpcJson } from './prpc/decode-json.js';
import { decodePrpcQuery } from './prpc/decode-query.js';
import { encodePrpcErrorBinary, encodePrpcErrorJson } from './prpc/encode-error.js';
import { encodePrpcJson } from './prpc/encode-json.js';
import { assertPrpcShape } from './prpc/field-shape.js';
import { prpcMethodName } from './prpc/method-name.js';
import { prpcMode } from './prpc/mode.js';
import type { PrpcEncoding } from './prpc/mode.js';
import type { Responder } from './respond.js';

const JSON_TYPE = 'application/json';
const BINARY_TYPE = 'application/octet-stream';

/** Name in audit records and metrics of calls to methods that do not exist; the name asked for is not repeated there. */
const UNKNOWN_PROCEDURE = 'prpc/unknown';

interface Entry {
  readonly procedure: string;
  readonly method: DescMethodUnary;
  readonly handler: MethodBinding['handler'];
  readonly rawBody: ((response: never) => Uint8Array) | null;
}

/** A mount with its method table. */
interface Table {
  readonly trimPrefix: string | null;
  readonly entries: ReadonlyMap<string, Entry>;
}

/** The prpc dialect: `<mount>/[Prefix.]Method`, JSON with hex bytes or plain protobuf (spec/prpc.md). */
export class PrpcDoor {
  readonly #pipeline: Pipeline;
  readonly #responder: Responder;
  readonly #limits: BodyLimits;
  /** Path up to the last slash (`` for the mount `/`) to table. */
  readonly #tables: ReadonlyMap<string, Table>;

  constructor(pipeline: Pipeline, responder: Responder, limits: BodyLimits, mounts: readonly PrpcMount[], bindings: readonly MethodBinding[]) {
    this.#pipeline = pipeline;
    this.#responder = responder;
    this.#limits = limits;
    this.#tables = new Map(mounts.map((mount) => [mount.mount === '/' ? '' : mount.mount, methodTable(mount, bindings)]));
    if (this.#tables.size < mounts.length) throw new TypeError('two services are mounted on one path');
  }

  /** Answers the request if its path and verb are an RPC route here; otherwise returns false and does nothing. */
  serve(exchange: Exchange): boolean {
    const verb = exchange.request.method;
    if (verb !== 'POST' && verb !== 'GET' && verb !== 'HEAD') return false;
    const { path, query } = exchange.target;
    const slash = path.lastIndexOf('/');
    const table = this.#tables.get(path.slice(0, slash));
    if (table === undefined || slash < 0) return false;
    const name = prpcMethodName(path.slice(slash + 1), table.trimPrefix);
    if (name === null) return false;
    const mode = prpcMode(verb, query, headerValue(exchange.request, 'content-type'));
    const entry = table.entries.get(name);
    if (entry === undefined) this.#unknown(exchange, name, mode.dispatch);
    else this.#call(exchange, entry, verb, mode);
    return true;
  }

  #unknown(exchange: Exchange, name: string, encoding: PrpcEncoding): void {
    const call = this.#pipeline.open(UNKNOWN_PROCEDURE, 'prpc', exchange.connection, exchange.response);
    this.#fail(exchange, call, new ServiceError('NOT_FOUND', `Service not found: ${name}`), encoding);
  }

  #call(exchange: Exchange, entry: Entry, verb: string, mode: { readonly dispatch: PrpcEncoding; readonly beforeDispatch: PrpcEncoding }): void {
    const { request, target } = exchange;
    const call = this.#pipeline.open(entry.procedure, 'prpc', exchange.connection, exchange.response);
    const read = (): void => {
      if (verb !== 'POST') this.#dispatch(exchange, entry, call, mode.dispatch, () => decodePrpcQuery(entry.method.input, target.query));
      else {
        const decode = mode.dispatch === 'json' ? decodePrpcJson : decodePrpcBinary;
        readBody(
          request,
          this.#limits,
          (body) => this.#dispatch(exchange, entry, call, mode.dispatch, () => decode(entry.method.input, body)),
          (error) => this.#fail(exchange, call, error, mode.beforeDispatch),
        );
      }
    };
    this.#pipeline.admit(call, read, (error, stage) => {
      this.#fail(exchange, call, error, stage === 'evidence' ? mode.beforeDispatch : mode.dispatch);
    });
  }

  #dispatch(exchange: Exchange, entry: Entry, call: Call, encoding: PrpcEncoding, decode: () => MessageShape<DescMessage>): void {
    this.#pipeline.perform(
      call,
      () => entry.handler(decode(), call),
      null,
      (answer) => {
        try {
          this.#answer(exchange, entry, call, encoding, answer);
        } catch (error) {
          this.#fail(exchange, call, error, encoding);
        }
      },
      (error) => this.#fail(exchange, call, error, encoding),
    );
  }

  #answer(exchange: Exchange, entry: Entry, call: Call, encoding: PrpcEncoding, answer: MessageInitShape<DescMessage>): void {
    const { output } = entry.method;
    if (entry.rawBody !== null && wantsRawBody(exchange)) {
      const raw = entry.rawBody(create(output, answer) as never);
      this.#pipeline.settle(call, null);
      this.#responder.send(exchange, 200, BINARY_TYPE, raw);
      return;
    }
    const body = encoding === 'json' ? encodePrpcJson(output, answer) : toBinary(output, create(output, answer));
    this.#pipeline.settle(call, null);
    this.#responder.send(exchange, 200, encoding === 'json' ? JSON_TYPE : BINARY_TYPE, body);
  }

  #fail(exchange: Exchange, call: Call, error: unknown, encoding: PrpcEncoding): void {
    const wire = this.#pipeline.settle(call, error);
    if (wire === null) return;
    if (encoding === 'json') this.#responder.send(exchange, 400, JSON_TYPE, encodePrpcErrorJson(wire.message, wire.code));
    else this.#responder.send(exchange, 400, BINARY_TYPE, encodePrpcErrorBinary(wire.message, binaryCode(wire.code)));
  }
}

/** An unknown method is answered in binary with the very bytes existing services answer it with; a code of ours would change them. */
function binaryCode(code: ServiceCode): ServiceCode | null {
  return code === 'NOT_FOUND' ? null : code;
}

/** Throws TypeError when two methods answer to one name, or when a message has no form in the dialect. */
function methodTable(mount: PrpcMount, bindings: readonly MethodBinding[]): Table {
  const entries = new Map<string, Entry>();
  for (const { method, handler, options } of bindings) {
    if (method.parent.typeName !== mount.service.typeName) continue;
    assertPrpcShape(method.input);
    assertPrpcShape(method.output);
    const entry: Entry = { procedure: procedureName(method), method, handler, rawBody: options.rawBody ?? null };
    for (const name of [method.name, ...(options.prpcAliases ?? [])]) {
      if (entries.has(name)) throw new TypeError(`two methods of ${mount.service.typeName} are called ${name} over prpc`);
      entries.set(name, entry);
    }
  }
  return { trimPrefix: mount.trimPrefix, entries };
}

/** Only application/octet-stream by name asks for it: most clients accept anything. */
function wantsRawBody(exchange: Exchange): boolean {
  const accept = headerValue(exchange.request, 'accept');
  return accept !== null && accept.split(',').some((item) => (item.split(';')[0] ?? '').trim().toLowerCase() === BINARY_TYPE);
}
