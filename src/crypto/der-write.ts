import { DerError, TAG } from './der.js';

/** A TLV of `tag` around the concatenation of `parts` (X.690, definite minimal length). */
export function tlv(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const lengthOctets = length < 0x80 ? 0 : Math.ceil((32 - Math.clz32(length)) / 8);
  const out = new Uint8Array(2 + lengthOctets + length);
  out[0] = tag;
  out[1] = lengthOctets === 0 ? length : 0x80 | lengthOctets;
  for (let i = lengthOctets, rest = length; i > 0; i--, rest >>>= 8) out[1 + i] = rest & 0xff;
  let at = 2 + lengthOctets;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export const sequence = (...parts: readonly Uint8Array[]): Uint8Array => tlv(TAG.sequence, ...parts);
export const set = (...parts: readonly Uint8Array[]): Uint8Array => tlv(TAG.set, ...parts);
export const octetString = (bytes: Uint8Array): Uint8Array => tlv(TAG.octetString, bytes);
export const bitString = (bytes: Uint8Array, unusedBits = 0): Uint8Array => tlv(TAG.bitString, Uint8Array.of(unusedBits), bytes);
export const utf8String = (text: string): Uint8Array => tlv(TAG.utf8String, Buffer.from(text, 'utf8'));
export const boolean = (value: boolean): Uint8Array => tlv(TAG.boolean, Uint8Array.of(value ? 0xff : 0));
/** [n] EXPLICIT, or [n] IMPLICIT of a constructed type. */
export const contextConstructed = (n: number, ...parts: readonly Uint8Array[]): Uint8Array => tlv(0xa0 | n, ...parts);
/** [n] IMPLICIT of a primitive type. */
export const contextPrimitive = (n: number, bytes: Uint8Array): Uint8Array => tlv(0x80 | n, bytes);

/** INTEGER of an unsigned big-endian magnitude or a non-negative safe integer. */
export function integer(value: Uint8Array | number): Uint8Array {
  const bytes = typeof value === 'number' ? Buffer.from(value.toString(16).padStart(16, '0'), 'hex') : value;
  let start = 0;
  while (start < bytes.length && bytes[start] === 0) start++;
  const magnitude = bytes.subarray(start);
  const needsZero = magnitude.length === 0 || (magnitude[0] ?? 0) >= 0x80;
  return needsZero ? tlv(TAG.integer, Uint8Array.of(0), magnitude) : tlv(TAG.integer, magnitude);
}

const knownOids = new Map<string, Uint8Array>();

/**
 * OBJECT IDENTIFIER from its dotted text. Kept for the next time: every identifier written is a constant of
 * the program. The result is shared and not to be changed.
 */
export function oid(dotted: string): Uint8Array {
  const known = knownOids.get(dotted);
  if (known !== undefined) return known;
  const encoded = encodeOid(dotted);
  knownOids.set(dotted, encoded);
  return encoded;
}

function encodeOid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes: number[] = [];
  for (const arc of [first * 40 + second, ...rest]) {
    const digits = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) digits.unshift(0x80 | left % 128);
    bytes.push(...digits);
  }
  return tlv(TAG.oid, Uint8Array.from(bytes));
}

const YEAR_1 = -62135596800;
const YEAR_10000 = 253402300800;

/**
 * Time of RFC 5280 section 4.1.2.5: UTCTime for 1950 to 2049, GeneralizedTime otherwise. `unixSeconds` is
 * truncated to whole seconds.
 * @throws DerError for a time outside the years 1 to 9999, which neither type can hold
 */
export function time(unixSeconds: number): Uint8Array {
  if (!(unixSeconds >= YEAR_1 && unixSeconds < YEAR_10000)) throw new DerError('time outside the years 1 to 9999');
  const text = new Date(Math.floor(unixSeconds) * 1000).toISOString().replace(/[-:T]|\.\d+/g, '');
  const year = Number(text.slice(0, 4));
  return year >= 1950 && year <= 2049
    ? tlv(TAG.utcTime, Buffer.from(text.slice(2), 'latin1'))
    : tlv(TAG.generalizedTime, Buffer.from(text, 'latin1'));
}
