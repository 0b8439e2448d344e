/** One encoded CBOR item (RFC 8949), lengths and integers in their shortest form. Only what NSM requests and documents need is here. */
export type CborItem = Uint8Array;

const INDEFINITE_MAP = 0xbf;
const BREAK = 0xff;

/** Unsigned integer, shortest form; up to 2^53 - 1. */
export const cborUint = (value: number): CborItem => head(0, value);
/** Negative integer: `value` below 0 (RFC 8949 section 3.1, major type 1). */
export const cborNegative = (value: number): CborItem => head(1, -1 - value);
export const cborBytes = (bytes: Uint8Array): CborItem => Buffer.concat([head(2, bytes.length), bytes]);
export const cborNull = (): CborItem => Uint8Array.of(0xf6);
export const cborArray = (items: readonly CborItem[]): CborItem => Buffer.concat([head(4, items.length), ...items]);

export function cborText(text: string): CborItem {
  const bytes = Buffer.from(text, 'utf8');
  return Buffer.concat([head(3, bytes.length), bytes]);
}

/** A map in the given order; `indefinite` writes it open-ended, as the NSM does. */
export function cborMap(entries: readonly (readonly [CborItem, CborItem])[], indefinite = false): CborItem {
  return indefinite
    ? Buffer.concat([Uint8Array.of(INDEFINITE_MAP), ...entries.flat(), Uint8Array.of(BREAK)])
    : Buffer.concat([head(5, entries.length), ...entries.flat()]);
}

/** Major type and argument (RFC 8949 section 3). */
function head(major: number, argument: number): Buffer {
  const type = major << 5;
  if (argument < 24) return Buffer.of(type | argument);
  const width = argument < 2 ** 8 ? 1 : argument < 2 ** 16 ? 2 : argument < 2 ** 32 ? 4 : 8;
  const bytes = Buffer.alloc(1 + width);
  bytes.writeUInt8(type | (24 + Math.log2(width)), 0);
  if (width === 8) bytes.writeBigUInt64BE(BigInt(argument), 1);
  else bytes.writeUIntBE(argument, 1, width);
  return bytes;
}
