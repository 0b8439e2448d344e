import { DerError, TAG } from './der.js';

/** A TLV of `tag` around the concatenation of `parts` (X.690, definite minimal length). */
export function tlv(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest & 0xff);
  const header = length < 0x80 ? [tag, length] : [tag, 0x80 | octets.length, ...octets];
  const out = new Uint8Array(header.length + length);
  out.set(header);
  let at = header.length;
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

/** INTEGER of an unsigned big-endian magnitude or a small non-negative number. */
export function integer(value: Uint8Array | number): Uint8Array {
  let bytes: number[] = [];
  if (typeof value === 'number') for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest & 0xff);
  else bytes = [...value];
  while (bytes.length > 0 && bytes[0] === 0) bytes.shift();
  if (bytes.length === 0 || (bytes[0] ?? 0) >= 0x80) bytes.unshift(0);
  return tlv(TAG.integer, Uint8Array.from(bytes));
}

/** OBJECT IDENTIFIER from its dotted text. */
export function oid(dotted: string): Uint8Array {
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
