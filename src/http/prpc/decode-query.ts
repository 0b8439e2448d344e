import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import { invalidArgument } from '../../errors/service-error.js';
import { prpcFields } from './field-shape.js';
import type { PrpcField, PrpcValue, ScalarKind } from './field-shape.js';
import { decodeHex } from './hex.js';
import { INTEGER_RANGES, shortened } from './json-scalar.js';
import type { IntegerRange, Scalar } from './json-scalar.js';
import { parseQuery } from './query-tree.js';
import type { QueryMap, QueryNode } from './query-tree.js';

const EMPTY = 'google.protobuf.Empty';

/**
 * Decodes the query of a prpc GET (spec/prpc.md section 5). `query` is the raw text after `?`, still
 * encoded, or null when there is none; the caller bounds its length. A message of type
 * google.protobuf.Empty takes any query. Unknown keys, `json` among them, are ignored.
 * Throws ServiceError INVALID_ARGUMENT with the text the existing services give, and nothing else.
 */
export function decodePrpcQuery<D extends DescMessage>(desc: D, query: string | null): MessageShape<D> {
  if (query === null || query === '' || desc.typeName === EMPTY) return create(desc);
  return readMessage(desc, parseQuery(query)) as MessageShape<D>;
}

function readMessage(desc: DescMessage, map: QueryMap): unknown {
  const message = create(desc);
  const target = message as unknown as Record<string, unknown>;
  for (const field of prpcFields(desc)) {
    const node = map.parts.get(field.name);
    if (node === undefined || (field.nullable && node.kind === 'text' && node.text === '')) continue;
    target[field.local] = field.repeated ? readList(field, node) : readValue(field.value, node);
  }
  return message;
}

/** Items in the order of their numbers; numbers left out leave no gap. */
function readList(field: PrpcField, node: QueryNode): unknown[] {
  if (node.kind !== 'list') throw wrongType(node, 'a sequence');
  const items = [...node.items].sort(([a], [b]) => a - b);
  return items.map(([, item]) => readValue(field.value, item));
}

function readValue(value: PrpcValue, node: QueryNode): unknown {
  if (value.message !== null) {
    if (node.kind !== 'map') throw wrongType(node, `struct ${value.message.name}`);
    return readMessage(value.message, node);
  }
  if (node.kind !== 'text') throw wrongType(node, expectation(value.kind));
  return readScalar(value.kind, node.text);
}

function readScalar(kind: ScalarKind, text: string): Scalar {
  switch (kind) {
    case 'string':
      return text;
    case 'bytes': {
      const bytes = decodeHex(text);
      if (!(bytes instanceof Uint8Array)) throw invalidArgument(bytes.message);
      return bytes;
    }
    case 'bool':
      if (text !== 'true' && text !== 'false') throw invalidArgument('provided string was not `true` or `false`');
      return text === 'true';
    default:
      return readInteger(text, INTEGER_RANGES[kind]);
  }
}

/** The integer texts of the existing services: decimal digits, an optional plus sign, a minus sign where negatives exist. */
function readInteger(text: string, range: IntegerRange): number | bigint {
  if (text === '') throw invalidArgument('cannot parse integer from empty string');
  const negative = text.startsWith('-');
  if (!/^[+-]?\d+$/.test(text) || (negative && range.min === 0n)) throw invalidArgument('invalid digit found in string');
  const digits = text.replace(/^[+-]/, '').replace(/^0+(?=\d)/, '');
  // Twenty digits hold any 64-bit integer; longer texts are out of range without being converted.
  const size = digits.length > 20 ? range.max + 1n - range.min : BigInt(digits);
  const value = negative ? -size : size;
  if (value > range.max) throw invalidArgument('number too large to fit in target type');
  if (value < range.min) throw invalidArgument('number too small to fit in target type');
  return range.wide ? value : Number(value);
}

function expectation(kind: ScalarKind): string {
  if (kind === 'string' || kind === 'bytes') return 'a string';
  return kind === 'bool' ? 'a boolean' : INTEGER_RANGES[kind].name;
}

function wrongType(node: QueryNode, expected: string): Error {
  const found = node.kind === 'text' ? `string ${JSON.stringify(shortened(node.text))}` : node.kind === 'list' ? 'sequence' : 'map';
  return invalidArgument(`invalid type: ${found}, expected ${expected}`);
}
