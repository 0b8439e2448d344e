import { decodeHex } from './hex.js';
import type { IntegerKind, ScalarKind } from './field-shape.js';
import type { ServiceError } from '../../errors/service-error.js';
import { isNumberStart, OPEN_LIST, OPEN_OBJECT, QUOTE } from './json-parse.js';
import type { JsonReader } from './json-parse.js';

/** A value of a scalar field as generated messages hold it. */
export type Scalar = string | Uint8Array | boolean | number | bigint;

/** Reads one scalar; throws INVALID_ARGUMENT. */
export type ScalarReader = (reader: JsonReader) => Scalar;

/** Longest integer that can be in range: a sign and 20 digits. Longer ones are never converted. */
const MAX_INTEGER_CHARS = 21;
/** Characters of an unsuitable string that its error repeats. */
const MAX_ECHO = 64;

export interface IntegerRange {
  /** What the existing services call the type. */
  readonly name: string;
  readonly min: bigint;
  readonly max: bigint;
  /** Held as bigint rather than number. */
  readonly wide: boolean;
}

export const INTEGER_RANGES: Readonly<Record<IntegerKind, IntegerRange>> = {
  int32: { name: 'i32', min: -(2n ** 31n), max: 2n ** 31n - 1n, wide: false },
  uint32: { name: 'u32', min: 0n, max: 2n ** 32n - 1n, wide: false },
  int64: { name: 'i64', min: -(2n ** 63n), max: 2n ** 63n - 1n, wide: true },
  uint64: { name: 'u64', min: 0n, max: 2n ** 64n - 1n, wide: true },
};

/** The reader for a kind of scalar (spec/prpc.md section 4). */
export function scalarReader(kind: ScalarKind): ScalarReader {
  if (kind === 'string') return readString;
  if (kind === 'bytes') return readBytes;
  if (kind === 'bool') return readBool;
  const range = INTEGER_RANGES[kind];
  return (reader) => readInteger(reader, range);
}

/**
 * `invalid type: …` for whatever value comes next. Scalars are consumed first and containers are not,
 * which is where the existing parser puts the position.
 */
export function wrongType(reader: JsonReader, expected: string): ServiceError {
  const code = reader.peek();
  let found: string;
  if (code === OPEN_OBJECT) found = 'map';
  else if (code === OPEN_LIST) found = 'sequence';
  else if (code === QUOTE) found = `string ${JSON.stringify(shortened(reader.string()))}`;
  else if (code === 0x74) found = `boolean \`${reader.word('true')}\``;
  else if (code === 0x66) found = `boolean \`${reader.word('false')}\``;
  else if (code === 0x6e) found = reader.word('null');
  else if (isNumberStart(code)) found = describeNumber(reader);
  else return reader.noValue();
  return reader.error(`invalid type: ${found}, expected ${expected}`);
}

function readString(reader: JsonReader): string {
  if (reader.peek() !== QUOTE) throw wrongType(reader, 'a string');
  return reader.string();
}

function readBytes(reader: JsonReader): Uint8Array {
  const bytes = decodeHex(readString(reader));
  if (bytes instanceof Uint8Array) return bytes;
  throw reader.errorAfterValue(bytes.message);
}

function readBool(reader: JsonReader): boolean {
  const code = reader.peek();
  if (code === 0x74) return reader.word('true') === 'true';
  if (code === 0x66) return reader.word('false') !== 'false';
  throw wrongType(reader, 'a boolean');
}

/** Exact at any size: digits go to BigInt, never through a double. */
function readInteger(reader: JsonReader, range: IntegerRange): number | bigint {
  if (!isNumberStart(reader.peek())) throw wrongType(reader, range.name);
  const start = reader.at;
  const { text, float } = reader.number();
  if (float || text === '-0' || text.length > MAX_INTEGER_CHARS) {
    reader.at = start;
    throw wrongType(reader, range.name);
  }
  const value = BigInt(text);
  if (value < range.min || value > range.max) {
    reader.at = start;
    if (!isInteger64(value)) throw wrongType(reader, range.name);
    reader.number();
    throw reader.error(`invalid value: integer \`${text}\`, expected ${range.name}`);
  }
  return range.wide ? value : Number(value);
}

/** Integers that fit neither i64 nor u64 are floats to the existing parser. */
function isInteger64(value: bigint): boolean {
  return value >= INTEGER_RANGES.int64.min && value <= INTEGER_RANGES.uint64.max;
}

function describeNumber(reader: JsonReader): string {
  const { text, float } = reader.number();
  if (!float && text !== '-0' && text.length <= MAX_INTEGER_CHARS && isInteger64(BigInt(text))) return `integer \`${text}\``;
  const value = Number(text);
  if (!Number.isFinite(value)) throw reader.error('number out of range');
  return `floating point \`${floatText(value)}\``;
}

function floatText(value: number): string {
  if (Object.is(value, -0)) return '-0.0';
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e16 || size < 1e-5)) return value.toExponential();
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

/** The first characters of a text an error repeats, never half of a surrogate pair. */
export function shortened(text: string): string {
  if (text.length <= MAX_ECHO) return text;
  return `${text.slice(0, MAX_ECHO).replace(/[\ud800-\udbff]$/, '')}…`;
}
