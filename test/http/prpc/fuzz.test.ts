import type { DescMessage } from '@bufbuild/protobuf';
import { create, equals, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GuestAgent } from '../../../gen/dstack/guestagent/v1/guest_agent_pb.js';
import { GuestApi } from '../../../gen/dstack/guestagent/v1/guest_api_pb.js';
import { Tappd } from '../../../gen/dstack/guestagent/v1/tappd_pb.js';
import { Worker } from '../../../gen/dstack/guestagent/v1/worker_pb.js';
import { Admin } from '../../../gen/dstack/kms/v1/admin_pb.js';
import { KMS } from '../../../gen/dstack/kms/v1/kms_pb.js';
import { Onboard } from '../../../gen/dstack/kms/v1/onboard_pb.js';
import { ServiceError } from '../../../src/errors/service-error.js';
import { decodePrpcBinary } from '../../../src/http/prpc/decode-binary.js';
import { decodePrpcJson } from '../../../src/http/prpc/decode-json.js';
import { decodePrpcQuery } from '../../../src/http/prpc/decode-query.js';
import { encodePrpcErrorJson } from '../../../src/http/prpc/encode-error.js';
import { encodePrpcJson } from '../../../src/http/prpc/encode-json.js';
import { assertPrpcShape, prpcFields } from '../../../src/http/prpc/field-shape.js';
import type { PrpcField } from '../../../src/http/prpc/field-shape.js';
import { prpcMethodName } from '../../../src/http/prpc/method-name.js';
import { prpcMode } from '../../../src/http/prpc/mode.js';

const MESSAGES = [
  ...new Set([GuestAgent, Tappd, Worker, GuestApi, KMS, Onboard, Admin].flatMap((s) => s.methods.flatMap((m) => [m.input, m.output]))),
];
const anyMessage = fc.constantFrom<DescMessage>(...MESSAGES);
const wellFormed = fc.string({ unit: 'binary' });

/** Runs a decoder that may refuse its input, but only as INVALID_ARGUMENT. */
function decodesOrRefuses(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(ServiceError);
    expect((error as ServiceError).code).toBe('INVALID_ARGUMENT');
    // Whatever was refused can be told to the caller.
    expect(JSON.parse(encodePrpcErrorJson((error as ServiceError).message, 'INVALID_ARGUMENT'))).toHaveProperty('error');
  }
}

/** JSON texts that get far: known keys with fitting, nearly fitting and unfitting values. */
function likelyJson(desc: DescMessage): fc.Arbitrary<string> {
  const keys = fc.constantFrom('unknown', ...prpcFields(desc).map((field) => field.name));
  const values = fc.oneof(
    fc.json({ maxDepth: 3 }),
    fc.bigInt().map(String),
    fc.double().map(String),
    fc.constantFrom('null', '[]', '{}', '""', '"0x"', '"0x0xAB"', '"zz"', '-0', '1e400', '"\\ud83d\\ude00"', '"\\ud83d"', 'true'),
    fc.uint8Array().map((bytes) => `"0x${Buffer.from(bytes).toString('hex')}"`),
  );
  return fc
    .array(fc.tuple(keys, values), { maxLength: 6 })
    .map((entries) => `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`);
}

function valueOf(field: PrpcField, depth: number): fc.Arbitrary<unknown> {
  switch (field.value.kind) {
    case 'string':
      return wellFormed;
    case 'bytes':
      return fc.uint8Array({ maxLength: 80 });
    case 'bool':
      return fc.boolean();
    case 'int32':
      return fc.integer();
    case 'uint32':
      return fc.nat(4294967295);
    case 'int64':
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    case 'uint64':
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    default:
      return initializerOf(field.value.message, depth + 1);
  }
}

function initializerOf(desc: DescMessage, depth = 0): fc.Arbitrary<Record<string, unknown>> {
  const fields = prpcFields(desc);
  return fc.record(
    Object.fromEntries(
      fields.map((field) => [field.local, field.repeated ? fc.array(valueOf(field, depth), { maxLength: 3 }) : valueOf(field, depth)]),
    ),
    { requiredKeys: [] },
  );
}

const messageAndInit = anyMessage.chain((desc) => fc.tuple(fc.constant(desc), initializerOf(desc)));

describe('arbitrary input', () => {
  it('bytes as JSON and protobuf', () => {
    fc.assert(
      fc.property(anyMessage, fc.uint8Array({ maxLength: 300 }), (desc, bytes) => {
        decodesOrRefuses(() => decodePrpcJson(desc, bytes));
        decodesOrRefuses(() => decodePrpcBinary(desc, bytes));
      }),
      { numRuns: 2_000 },
    );
  });

  it('text and JSON as JSON', () => {
    fc.assert(
      fc.property(anyMessage, fc.oneof(wellFormed, fc.json(), fc.string()), (desc, text) => {
        decodesOrRefuses(() => decodePrpcJson(desc, text));
      }),
      { numRuns: 2_000 },
    );
  });

  it('JSON that nearly fits, whole and cut short', () => {
    const input = anyMessage.chain((desc) => fc.tuple(fc.constant(desc), likelyJson(desc), fc.nat(1000)));
    fc.assert(
      fc.property(input, ([desc, text, cut]) => {
        decodesOrRefuses(() => decodePrpcJson(desc, text));
        const short = text.slice(0, cut % text.length);
        if (short !== '' && desc.fields.length > 0) expect(() => decodePrpcJson(desc, short)).toThrow(ServiceError);
      }),
      { numRuns: 3_000 },
    );
  });

  it('queries', () => {
    const piece = fc.oneof(wellFormed, fc.constantFrom('[', ']', '[]', '[0]', '=', '&', '%', '%ff', '%5B', '+', '#', 'path', 'alt_names', 'json', 'not_before'));
    const query = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(anyMessage, query, fc.option(fc.string()), (desc, text, contentType) => {
        decodesOrRefuses(() => decodePrpcQuery(desc, text));
        expect(prpcMode('POST', text, contentType).dispatch).toMatch(/^(json|protobuf)$/);
        expect(prpcMethodName(text, 'Tappd.')?.startsWith('Tappd.') ?? false).toBe(false);
      }),
      { numRuns: 3_000 },
    );
  });

  it('what JSON.parse refuses is refused here', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), fc.string({ minLength: 1, maxLength: 1 }), (json, at, character) => {
        const position = at % json.length;
        const text = `{"x":${json.slice(0, position)}${character}${json.slice(position + 1)}}`;
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        const desc = GuestAgent.method.getKey.input;
        if (valid) decodesOrRefuses(() => decodePrpcJson(desc, text));
        else expect(() => decodePrpcJson(desc, text)).toThrow(ServiceError);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('round trips', () => {
  it('every message of every service can be carried', () => {
    for (const desc of MESSAGES) assertPrpcShape(desc);
  });

  it('encode and decode give the message back, and ASCII JSON on the way', () => {
    fc.assert(
      fc.property(messageAndInit, ([desc, init]) => {
        const message = create(desc, init as never);
        const json = encodePrpcJson(desc, message);
        expect(Buffer.byteLength(json)).toBe(json.length);
        expect(encodePrpcJson(desc, init as never)).toBe(json);
        expect(() => JSON.parse(json) as unknown).not.toThrow();
        expect(equals(desc, decodePrpcJson(desc, json), message)).toBe(true);
        expect(equals(desc, fromBinary(desc, toBinary(desc, decodePrpcJson(desc, Buffer.from(json)))), message)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('a query gives texts and bytes back', () => {
    fc.assert(
      fc.property(fc.record({ path: wellFormed, purpose: wellFormed }), fc.uint8Array(), ({ path, purpose }, bytes) => {
        const query = `path=${encodeURIComponent(path)}&${new URLSearchParams({ purpose })}`;
        expect(decodePrpcQuery(GuestAgent.method.getKey.input, query)).toMatchObject({ path, purpose });
        const hex = Buffer.from(bytes).toString('hex').toUpperCase();
        expect(decodePrpcQuery(GuestAgent.method.getQuote.input, `report_data=0x${hex}`).reportData).toEqual(bytes);
      }),
      { numRuns: 1_000 },
    );
  });
});
