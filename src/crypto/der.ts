import { DstackError } from '../errors/base.js';

/** Bytes that are not the DER (X.690) they should be, or exceed this decoder's bounds. */
export class DerError extends DstackError<'DER_MALFORMED'> {
  constructor(message: string) {
    super('DER_MALFORMED', message);
  }
}

/** One decoded TLV. `value` and `raw` are views into the input, never copies. */
export interface DerNode {
  readonly tag: number;
  /** Content octets, without tag and length. */
  readonly value: Uint8Array;
  /** Tag, length and content: what a signature covers. */
  readonly raw: Uint8Array;
}

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  printableString: 0x13,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/**
 * Reads the TLV at `offset`. Single-byte tags and definite, minimal lengths of at most four length
 * octets only, as DER demands (X.690 section 10.1).
 * @throws DerError when the TLV is truncated, indefinite or not minimally encoded.
 */
export function readTlv(bytes: Uint8Array, offset = 0): DerNode {
  const tag = bytes[offset];
  const first = bytes[offset + 1];
  if (tag === undefined || first === undefined) throw new DerError(`truncated at offset ${offset}`);
  if ((tag & 0x1f) === 0x1f) throw new DerError(`multi-byte tag at offset ${offset}`);
  let length = first;
  let start = offset + 2;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 4) throw new DerError(`unsupported length form at offset ${offset}`);
    length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + (bytes[start + i] ?? 0);
    if (length < 0x80 || length < 2 ** (8 * (count - 1))) throw new DerError(`length not minimal at offset ${offset}`);
    start += count;
  }
  if (start + length > bytes.length) throw new DerError(`length ${length} exceeds the input at offset ${offset}`);
  return { tag, value: bytes.subarray(start, start + length), raw: bytes.subarray(offset, start + length) };
}

/** Reads exactly one TLV that fills `bytes`, of tag `tag` when given. @throws DerError */
export function readDer(bytes: Uint8Array, tag?: number): DerNode {
  const node = readTlv(bytes);
  if (node.raw.length !== bytes.length) throw new DerError(`${bytes.length - node.raw.length} trailing bytes`);
  return tag === undefined ? node : expectTag(node, tag);
}

/** The children of a constructed node, at most `maxCount` of them. @throws DerError */
export function children(node: DerNode, maxCount = 4096): DerNode[] {
  if ((node.tag & 0x20) === 0) throw new DerError(`tag 0x${node.tag.toString(16)} is not constructed`);
  const found: DerNode[] = [];
  for (let offset = 0; offset < node.value.length; ) {
    if (found.length >= maxCount) throw new DerError(`more than ${maxCount} elements`);
    const child = readTlv(node.value, offset);
    found.push(child);
    offset += child.raw.length;
  }
  return found;
}

/** @throws DerError unless `node` is there and has tag `tag`. */
export function expectTag(node: DerNode | undefined, tag: number): DerNode {
  if (node === undefined) throw new DerError(`missing element of tag 0x${tag.toString(16)}`);
  if (node.tag !== tag) throw new DerError(`tag 0x${node.tag.toString(16)} where 0x${tag.toString(16)} was expected`);
  return node;
}

/** Dotted text of an OBJECT IDENTIFIER node. @throws DerError */
export function oidText(node: DerNode): string {
  const bytes = expectTag(node, TAG.oid).value;
  if (bytes.length === 0 || bytes.length > 64) throw new DerError(`object identifier of ${bytes.length} bytes`);
  const arcs: number[] = [];
  let arc = 0;
  for (const [i, byte] of bytes.entries()) {
    if (arc === 0 && byte === 0x80) throw new DerError('object identifier arc not minimal');
    if (arc > 2 ** 44) throw new DerError('object identifier arc too large');
    arc = arc * 128 + (byte & 0x7f);
    if ((byte & 0x80) !== 0) {
      if (i === bytes.length - 1) throw new DerError('truncated object identifier');
      continue;
    }
    if (arcs.length === 0) arcs.push(Math.min(Math.floor(arc / 40), 2), arc - 40 * Math.min(Math.floor(arc / 40), 2));
    else arcs.push(arc);
    arc = 0;
  }
  return arcs.join('.');
}

/** Content of a BIT STRING that holds whole octets. @throws DerError */
export function bitStringBytes(node: DerNode): Uint8Array {
  const { value } = expectTag(node, TAG.bitString);
  if (value[0] !== 0) throw new DerError('bit string with unused bits');
  return value.subarray(1);
}

/** UTCTime or GeneralizedTime of RFC 5280 section 4.1.2.5 as unix seconds. @throws DerError */
export function unixTime(node: DerNode): number {
  const text = Buffer.from(node.value).toString('latin1');
  const utc = node.tag === TAG.utcTime ? /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text) : null;
  const general = node.tag === TAG.generalizedTime ? /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text) : null;
  const match = utc ?? general;
  if (match === null) throw new DerError('not a time of RFC 5280');
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  const fullYear = utc === null ? year : year < 50 ? 2000 + year : 1900 + year;
  // Date.UTC would read the years 0 to 99 as 1900 to 1999, and roll a 31 February over into March.
  const date = new Date(0);
  date.setUTCFullYear(fullYear, month - 1, day);
  date.setUTCHours(hour, minute, second);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || hour > 23 || minute > 59 || second > 59) throw new DerError('time out of range');
  return date.getTime() / 1000;
}
