import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf';
import { prpcFields } from './field-shape.js';
import type { IntegerKind, PrpcField, ScalarKind } from './field-shape.js';
import { encodeHex } from './hex.js';
import { INTEGER_RANGES } from './json-scalar.js';

const EMPTY = 'google.protobuf.Empty';

type Source = Readonly<Record<string, unknown>>;
type Encode = (source: Source) => string;
type EncodeValue = (value: unknown) => string;

const compiled = new WeakMap<DescMessage, Encode>();

/**
 * Encodes an answer in prpc JSON (spec/prpc.md section 6): compact, every field in declaration order under
 * its snake_case name, bytes as lower-case hex, 64-bit integers as exact numbers, `null` for what is unset.
 * google.protobuf.Empty is `null`. An initializer does as well as a message: absent fields count as default.
 *
 * The text is pure ASCII, so its length is its Content-Length: the published JavaScript client compares the
 * header with a count of characters and would wait for bytes that never come (spec/sdk-contract.md section 2).
 * Throws TypeError or RangeError when a value is not of its field's type: a mistake of ours, never the caller's.
 */
export function encodePrpcJson<D extends DescMessage>(desc: D, message: MessageInitShape<D>): string {
  if (desc.typeName === EMPTY) return 'null';
  return messageEncoder(desc)(message as Source);
}

/** A JSON string literal in ASCII: mandatory escapes, and `\uXXXX` for everything beyond. */
export function asciiJsonString(text: string): string {
  const json = JSON.stringify(text);
  return /[\u0080-\uffff]/.test(json) ? json.replace(/[\u0080-\uffff]/g, escapeUnit) : json;
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function messageEncoder(desc: DescMessage): Encode {
  let encode = compiled.get(desc);
  if (encode === undefined) {
    encode = compileMessage(desc);
    compiled.set(desc, encode);
  }
  return encode;
}

function compileMessage(desc: DescMessage): Encode {
  const fields = prpcFields(desc).map((field) => ({
    key: `${asciiJsonString(field.name)}:`,
    local: field.local,
    omitEmpty: field.omitEmpty,
    encode: fieldEncoder(field),
  }));
  return (source) => {
    let json = '';
    for (const { key, local, omitEmpty, encode } of fields) {
      const value = source[local];
      if (omitEmpty && isEmpty(value)) continue;
      json += json === '' ? key : `,${key}`;
      json += encode(value);
    }
    return `{${json}}`;
  };
}

function isEmpty(value: unknown): boolean {
  if (value instanceof Uint8Array || Array.isArray(value)) return value.length === 0;
  return value === undefined || value === '' || value === false || value === 0 || value === 0n;
}

function fieldEncoder(field: PrpcField): EncodeValue {
  const { value: type, name } = field;
  // Looked up when used: a message type can contain itself.
  const encode: EncodeValue =
    type.message === null ? scalarEncoder(type.kind, name) : (value) => messageEncoder(type.message)(value as Source);
  if (field.repeated) return (value) => (value === undefined ? '[]' : encodeList(value as readonly unknown[], encode));
  const unset = field.nullable || type.message !== null ? 'null' : encode(DEFAULTS[type.kind]);
  return (value) => (value === undefined || value === null ? unset : encode(value));
}

const DEFAULTS: Readonly<Record<ScalarKind, unknown>> = {
  string: '',
  bytes: new Uint8Array(0),
  bool: false,
  int32: 0,
  uint32: 0,
  int64: 0n,
  uint64: 0n,
};

function encodeList(values: readonly unknown[], encode: EncodeValue): string {
  let json = '';
  for (const value of values) json += json === '' ? encode(value) : `,${encode(value)}`;
  return `[${json}]`;
}

function scalarEncoder(kind: ScalarKind, name: string): EncodeValue {
  switch (kind) {
    case 'string':
      return (value) => {
        if (typeof value !== 'string') throw new TypeError(`prpc: ${name} is not a string`);
        return asciiJsonString(value);
      };
    case 'bytes':
      return (value) => {
        if (!(value instanceof Uint8Array)) throw new TypeError(`prpc: ${name} is not bytes`);
        return `"${encodeHex(value)}"`;
      };
    case 'bool':
      return (value) => {
        if (typeof value !== 'boolean') throw new TypeError(`prpc: ${name} is not a boolean`);
        return value ? 'true' : 'false';
      };
    default:
      return integerEncoder(kind, name);
  }
}

function integerEncoder(kind: IntegerKind, name: string): EncodeValue {
  const { min, max, wide } = INTEGER_RANGES[kind];
  return (value) => {
    const integer = wide ? typeof value === 'bigint' : Number.isInteger(value);
    if (!integer) throw new TypeError(`prpc: ${name} is not an integer of its kind`);
    if ((value as number | bigint) < min || (value as number | bigint) > max) throw new RangeError(`prpc: ${name} is out of range`);
    return String(value);
  };
}
