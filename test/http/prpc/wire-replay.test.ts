import { readFileSync } from 'node:fs';
import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { GuestAgent } from '../../../gen/dstack/guestagent/v1/guest_agent_pb.js';
import { GuestApi } from '../../../gen/dstack/guestagent/v1/guest_api_pb.js';
import { Tappd } from '../../../gen/dstack/guestagent/v1/tappd_pb.js';
import { Worker } from '../../../gen/dstack/guestagent/v1/worker_pb.js';
import { decodePrpcBinary } from '../../../src/http/prpc/decode-binary.js';
import { decodePrpcJson } from '../../../src/http/prpc/decode-json.js';
import { decodePrpcQuery } from '../../../src/http/prpc/decode-query.js';
import { encodePrpcErrorBinary, encodePrpcErrorJson } from '../../../src/http/prpc/encode-error.js';
import { encodePrpcJson } from '../../../src/http/prpc/encode-json.js';
import { prpcMethodName } from '../../../src/http/prpc/method-name.js';
import { prpcMode } from '../../../src/http/prpc/mode.js';
import { refusal } from './message-of.js';

/** A recorded exchange with the existing guest agent (test/vectors/README.md). */
interface Exchange {
  readonly line: number;
  readonly verb: string;
  readonly path: string;
  readonly query: string | null;
  readonly contentType: string | null;
  readonly body: Buffer;
  readonly status: number;
  readonly answerType: string;
  readonly answer: Buffer;
  readonly service: DescService;
  readonly name: string;
  readonly method: DescMethod | null;
}

const SOCKETS: Readonly<Record<string, { readonly service: DescService; readonly mount: string; readonly trimPrefix: string | null }>> = {
  dstack: { service: GuestAgent, mount: '/', trimPrefix: null },
  tappd: { service: Tappd, mount: '/prpc/', trimPrefix: 'Tappd.' },
  external: { service: Worker, mount: '/prpc/', trimPrefix: 'Worker.' },
  guest: { service: GuestApi, mount: '/api/', trimPrefix: null },
};

function parse(text: string, line: number): Exchange | null {
  const record = JSON.parse(text) as Record<string, string | null | undefined> & { readonly status: number };
  const socket = SOCKETS[record['sock'] ?? ''];
  const target = record['path'] ?? null;
  const verb = record['method'] ?? null;
  // Raw exchanges are about HTTP itself; 404 pages never reach a codec.
  if (socket === undefined || target === null || verb === null || typeof record['raw'] === 'string' || record.status === 404) return null;
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const name = prpcMethodName(path.slice(socket.mount.length), socket.trimPrefix) ?? '';
  return {
    line,
    verb,
    path,
    query: mark < 0 ? null : target.slice(mark + 1),
    contentType: record['ctype'] ?? null,
    body: Buffer.from(record['hex'] ?? record['body'] ?? '', typeof record['hex'] === 'string' ? 'hex' : 'utf8'),
    status: record.status,
    answerType: record['answer_type'] ?? '',
    answer: Buffer.from(record['answer_hex'] ?? '', 'hex'),
    service: socket.service,
    name,
    method: socket.service.methods.find((method) => method.name === name) ?? null,
  };
}

const exchanges = readFileSync(new URL('../../vectors/wire/guest-agent.jsonl', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .map((text, index) => parse(text, index + 1))
  .filter((exchange) => exchange !== null);

/** Refusals of the recorded agent that its handlers made: to the codec these requests are fine. */
const HANDLER_TEXTS =
  /^(Unsupported algorithm|Report data is too long|invalid content length|invalid hash algorithm|signature error|not_before must be|Pre-hashed signing|Cannot decompress|invalid public key)/;

const isJson = (exchange: Exchange) => prpcMode(exchange.verb, exchange.query, exchange.contentType).dispatch === 'json';

function errorText(exchange: Exchange): string | null {
  if (exchange.status === 200) return null;
  if (exchange.answerType === 'application/json') return (JSON.parse(exchange.answer.toString()) as { readonly error: string }).error;
  return exchange.answer.subarray(2).toString();
}

function decode(exchange: Exchange, method: DescMethod): unknown {
  if (exchange.verb === 'GET') return decodePrpcQuery(method.input, exchange.query);
  return isJson(exchange) ? decodePrpcJson(method.input, exchange.body) : decodePrpcBinary(method.input, exchange.body);
}

const label = (exchange: Exchange) => [`line ${exchange.line}: ${exchange.verb} ${exchange.path}`, exchange] as const;

it('finds the exchanges it is about', () => {
  expect(exchanges.length).toBeGreaterThan(180);
});

describe('the encoding of the answer', () => {
  it.each(exchanges.map(label))('%s', (_, exchange) => {
    expect(exchange.answerType).toBe(isJson(exchange) ? 'application/json' : 'application/octet-stream');
  });
});

describe('requests the recorded agent understood', () => {
  const understood = exchanges.filter((exchange) => {
    const text = errorText(exchange);
    return exchange.method !== null && (text === null || HANDLER_TEXTS.test(text));
  });
  it.each(understood.map(label))('%s', (_, exchange) => {
    if (exchange.method !== null) expect(decode(exchange, exchange.method)).toBeDefined();
  });
});

describe('requests it did not understand', () => {
  const refused = exchanges.filter((exchange) => {
    const text = errorText(exchange);
    return exchange.method !== null && text !== null && !HANDLER_TEXTS.test(text);
  });
  it.each(refused.map(label))('%s', (_, exchange) => {
    const { method } = exchange;
    if (method === null) return;
    const text = refusal(() => decode(exchange, method));
    // The words of another library's protobuf and UTF-8 decoders are not ours to repeat.
    if (isJson(exchange) && !errorText(exchange)?.startsWith('invalid utf-8')) expect(text).toBe(errorText(exchange));
  });

  it('are many', () => {
    expect(refused.length).toBeGreaterThan(30);
  });
});

describe('methods it did not know', () => {
  const unknown = exchanges.filter((exchange) => exchange.method === null);
  it.each(unknown.map(label))('%s', (_, exchange) => {
    const text = `Service not found: ${exchange.name}`;
    const ours = isJson(exchange) ? Buffer.from(encodePrpcErrorJson(text, null)) : Buffer.from(encodePrpcErrorBinary(text, null));
    expect(ours.equals(exchange.answer)).toBe(true);
  });
});

describe('answers decode and encode to the same bytes', () => {
  const answered = exchanges.filter((exchange) => exchange.status === 200 && exchange.method !== null);
  it.each(answered.map(label))('%s', (_, exchange) => {
    const output = exchange.method?.output;
    if (output === undefined) return;
    const ours = isJson(exchange)
      ? encodePrpcJson(output, decodePrpcJson(output, exchange.answer))
      : Buffer.from(toBinary(output, fromBinary(output, exchange.answer)));
    expect(Buffer.from(ours).equals(exchange.answer)).toBe(true);
  });
});
