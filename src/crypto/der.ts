import { DstackError } from '../errors/base.js';

/** Bytes that are not the DER (X.690) they should be, or exceed this decoder's bounds. */
export class DerError extends DstackError<'DER_MALFORMED'> {
  constructor(message: string) {
    super('DER_MALFORMED', message);
  }
}

/**
 * One decoded TLV: where it lies in the input. Views of it are made when asked for, as most elements of a certificate or a
 * revocation list are only passed on the way to others. Never copies.
 */
export class DerNode {
  readonly tag: number;
  readonly bytes: Uint8Array;
  /** Offsets into `bytes`: of the tag, of the content, and after the content. */
  readonly start: number;
  readonly contentStart: number;
  readonly end: number;

  constructor(tag: number, bytes: Uint8Array, start: number, contentStart: number, end: number) {
    this.tag = tag;
    this.bytes = bytes;
    this.start = start;
    this.contentStart = contentStart;
    this.end = end;
  }

  /** Content octets, without tag and length. */
  get value(): Uint8Array {
    return this.bytes.subarray(this.contentStart, this.end);
  }

  /** Tag, length and content: what a signature covers. */
  get raw(): Uint8Array {
    return this.bytes.subarray(this.start, this.end);
  }
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
 * Reads the TLV at `offset`, which ends at `limit` at the latest. Single-byte tags and definite, minimal lengths of at most four
 * length octets only, as DER demands (X.690 section 10.1).
 * @throws DerError when the TLV is truncated, indefinite or not minimally encoded.
 */
export function readTlv(bytes: Uint8Array, offset = 0, limit = bytes.length): DerNode {
  if (offset + 2 > limit) throw new DerError(`truncated at offset ${offset}`);
  const tag = octet(bytes, offset);
  if ((tag & 0x1f) === 0x1f) throw new DerError(`multi-byte tag at offset ${offset}`);
  let length = octet(bytes, offset + 1);
  let start = offset + 2;
  if (length >= 0x80) {
    const count = length & 0x7f;
    if (count === 0 || count > 4) throw new DerError(`unsupported length form at offset ${offset}`);
    if (start + count > limit) throw new DerError(`truncated at offset ${offset}`);
    length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + octet(bytes, start + i);
    if (length < 0x80 || length < 2 ** (8 * (count - 1))) throw new DerError(`length not minimal at offset ${offset}`);
    start += count;
  }
  if (start + length > limit) throw new DerError(`length ${length} exceeds the input at offset ${offset}`);
  return new DerNode(tag, bytes, offset, start, start + length);
}

/** Reads exactly one TLV that fills `bytes`, of tag `tag` when given. @throws DerError */
export function readDer(bytes: Uint8Array, tag?: number): DerNode {
  const node = readTlv(bytes);
  if (node.end !== bytes.length) throw new DerError(`${bytes.length - node.end} trailing bytes`);
  return tag === undefined ? node : expectTag(node, tag);
}

/** The children of a constructed node, at most `maxCount` of them. @throws DerError */
export function children({ tag, bytes, contentStart, end }: DerNode, maxCount = 4096): DerNode[] {
  if ((tag & 0x20) === 0) throw new DerError(`tag 0x${tag.toString(16)} is not constructed`);
  const found: DerNode[] = [];
  for (let offset = contentStart; offset < end; ) {
    if (found.length >= maxCount) throw new DerError(`more than ${maxCount} elements`);
    const child = readTlv(bytes, offset, end);
    found.push(child);
    offset = child.end;
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
  const { bytes, contentStart, end } = expectTag(node, TAG.oid);
  if (contentStart === end || end - contentStart > 64) throw new DerError(`object identifier of ${end - contentStart} bytes`);
  let text = '';
  let arc = 0;
  for (let at = contentStart; at < end; at++) {
    const byte = octet(bytes, at);
    if (arc === 0 && byte === 0x80) throw new DerError('object identifier arc not minimal');
    if (arc > 2 ** 44) throw new DerError('object identifier arc too large');
    arc = arc * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    text += text === '' ? firstArcs(arc) : `.${arc}`;
    arc = 0;
  }
  if (octet(bytes, end - 1) >= 0x80) throw new DerError('truncated object identifier');
  return text;
}

/** The first octets hold two arcs: X.690 section 8.19.4. */
function firstArcs(both: number): string {
  const first = both < 40 ? 0 : both < 80 ? 1 : 2;
  return `${first}.${both - 40 * first}`;
}

/** Content of a BIT STRING that holds whole octets. @throws DerError */
export function bitStringBytes(node: DerNode): Uint8Array {
  const { value } = expectTag(node, TAG.bitString);
  if (value[0] !== 0) throw new DerError('bit string with unused bits');
  return value.subarray(1);
}

const DAYS_OF_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const SECONDS_A_DAY = 86_400;
/** Days in 400 years of the Gregorian calendar, after which it repeats. */
const DAYS_IN_ERA = 146_097;

/** UTCTime or GeneralizedTime of RFC 5280 section 4.1.2.5 as unix seconds. @throws DerError */
export function unixTime({ tag, bytes, contentStart, end }: DerNode): number {
  const yearDigits = tag === TAG.utcTime ? 2 : tag === TAG.generalizedTime ? 4 : null;
  if (yearDigits === null || end - contentStart !== yearDigits + 11 || bytes[end - 1] !== ASCII_Z) throw new DerError('not a time of RFC 5280');
  const rest = contentStart + yearDigits;
  const written = yearDigits === 2 ? twoDigits(bytes, contentStart) : twoDigits(bytes, contentStart) * 100 + twoDigits(bytes, contentStart + 2);
  const year = yearDigits === 4 ? written : written < 50 ? 2000 + written : 1900 + written;
  const [month, day] = [twoDigits(bytes, rest), twoDigits(bytes, rest + 2)];
  const [hour, minute, second] = [twoDigits(bytes, rest + 4), twoDigits(bytes, rest + 6), twoDigits(bytes, rest + 8)];
  if (month < 1 || month > 12 || day < 1 || day > daysOf(year, month) || hour > 23 || minute > 59 || second > 59) throw new DerError('time out of range');
  // Date.UTC would read the years 0 to 99 as 1900 to 1999.
  const eras = Math.floor(year / 400) - 5;
  return Date.UTC(year - eras * 400, month - 1, day, hour, minute, second) / 1000 + eras * DAYS_IN_ERA * SECONDS_A_DAY;
}

function daysOf(year: number, month: number): number {
  const isLeapYear = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 && isLeapYear ? 29 : (DAYS_OF_MONTH[month - 1] ?? 0);
}

const ASCII_0 = 0x30;
const ASCII_Z = 0x5a;

function twoDigits(bytes: Uint8Array, at: number): number {
  const [tens, ones] = [octet(bytes, at) - ASCII_0, octet(bytes, at + 1) - ASCII_0];
  if (tens < 0 || tens > 9 || ones < 0 || ones > 9) throw new DerError('not a time of RFC 5280');
  return tens * 10 + ones;
}

/** The octet at an offset that was checked to be inside. */
function octet(bytes: Uint8Array, at: number): number {
  return bytes[at] as number;
}
