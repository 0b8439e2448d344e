import { VerificationError } from '../../errors/verification-error.js';

/** Deeper nesting than any V1 attestation has; only unknown keys can reach it. */
const MAX_DEPTH = 32;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @throws VerificationError ATTESTATION_MALFORMED, always. */
export function malformed(what: string, options?: { readonly cause?: unknown }): never {
  throw new VerificationError('ATTESTATION_MALFORMED', `malformed attestation: ${what}`, options);
}

/**
 * A pull reader of MessagePack that the schema drives (spec/attestation.md section 3.3). Written here
 * because the format is a dialect: the same byte field may arrive as bin, as str or as an array of
 * integers, and a generic decoder would build an object per byte of a quote before we could tell.
 *
 * Bounds: every announced count is checked against the bytes that are left (an element takes at least
 * one byte), so no header can make the reader allocate or loop beyond the input; skipped values may
 * nest MAX_DEPTH deep. Every method throws VerificationError ATTESTATION_MALFORMED.
 */
export class MsgpackReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;

  constructor(bytes: Uint8Array) {
    // A plain Uint8Array even when given a Buffer, whose slice() does not copy.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = 0;
  }

  get offset(): number {
    return this.#at;
  }

  /** Continues at `offset`, which must have come from `offset` of this reader. */
  seek(offset: number): void {
    this.#at = offset;
  }

  /** @throws unless everything was read. */
  end(): void {
    if (this.#at !== this.#bytes.length) malformed(`${this.#bytes.length - this.#at} trailing bytes`);
  }

  /** The next byte without consuming it. */
  peek(): number {
    const byte = this.#bytes[this.#at];
    return byte === undefined ? malformed('truncated') : byte;
  }

  /** Consumes a nil if one is next. */
  takeNil(): boolean {
    if (this.peek() !== 0xc0) return false;
    this.#at++;
    return true;
  }

  /** A non-negative integer up to `max`, in whichever integer form it was written. */
  uint(what: string, max: number): number {
    const value = this.#integer(what);
    if (value < 0 || value > max) malformed(`${what} is out of range`);
    return value;
  }

  text(what: string): string {
    const length = this.#stringLength(this.peek());
    if (length === null) return malformed(`${what} is not a string`);
    try {
      return utf8.decode(this.#take(length));
    } catch (cause) {
      if (cause instanceof VerificationError) throw cause;
      return malformed(`${what} is not UTF-8`, { cause });
    }
  }

  /** bin, str or an array of integers 0 to 255. The result never aliases the input. */
  bytes(what: string): Uint8Array {
    const byte = this.peek();
    const length = this.#binLength(byte) ?? this.#stringLength(byte);
    if (length !== null) return this.#take(length).slice();
    const count = this.arrayHeader(what);
    const out = new Uint8Array(count);
    for (let i = 0; i < count; i++) {
      // Quotes are thousands of elements long: the form every writer uses for small integers is read in place.
      const item = this.#bytes[this.#at] ?? 0xff;
      if (item < 0x80) {
        out[i] = item;
        this.#at++;
      } else out[i] = this.uint(what, 255);
    }
    return out;
  }

  isArray(): boolean {
    const byte = this.peek();
    return (byte & 0xf0) === 0x90 || byte === 0xdc || byte === 0xdd;
  }

  /** The number of elements that follow. */
  arrayHeader(what: string, max = Number.MAX_SAFE_INTEGER): number {
    const count = this.#arrayCount(this.peek());
    if (count === null) return malformed(`${what} is not an array`);
    return this.#bounded(what, count, 1, max);
  }

  /** The number of key-value pairs that follow. */
  mapHeader(what: string): number {
    const count = this.#mapCount(this.peek());
    if (count === null) return malformed(`${what} is not a map`);
    return this.#bounded(what, count, 2, Number.MAX_SAFE_INTEGER);
  }

  /** Skips one value of any type. */
  skip(): void {
    const pending = [1];
    while (pending.length > 0) {
      const top = pending.length - 1;
      const left = pending[top] ?? 0;
      if (left === 0) {
        pending.pop();
        continue;
      }
      pending[top] = left - 1;
      const inside = this.#skipOne();
      if (inside === 0) continue;
      if (pending.length >= MAX_DEPTH) malformed(`nested deeper than ${MAX_DEPTH}`);
      pending.push(inside);
    }
  }

  /** Skips a scalar, or a container's header; returns the number of values inside it. */
  #skipOne(): number {
    const byte = this.peek();
    if (byte < 0x80 || byte >= 0xe0 || byte === 0xc0 || byte === 0xc2 || byte === 0xc3) {
      this.#at++;
      return 0;
    }
    const items = this.#arrayCount(byte);
    if (items !== null) return this.#bounded('array', items, 1, Number.MAX_SAFE_INTEGER);
    const pairs = this.#mapCount(byte);
    if (pairs !== null) return 2 * this.#bounded('map', pairs, 2, Number.MAX_SAFE_INTEGER);
    const length = this.#binLength(byte) ?? this.#stringLength(byte) ?? this.#fixedLength(byte);
    this.#take(length);
    return 0;
  }

  /** Consumes the header of a number or extension and returns the length of what follows it. */
  #fixedLength(byte: number): number {
    this.#at++;
    if (byte >= 0xcc && byte <= 0xcf) return 1 << (byte - 0xcc);
    if (byte >= 0xd0 && byte <= 0xd3) return 1 << (byte - 0xd0);
    if (byte === 0xca) return 4;
    if (byte === 0xcb) return 8;
    if (byte >= 0xd4 && byte <= 0xd8) return 1 + (1 << (byte - 0xd4));
    if (byte >= 0xc7 && byte <= 0xc9) return 1 + this.#unsigned(1 << (byte - 0xc7));
    return malformed(`unknown type byte 0x${byte.toString(16)}`);
  }

  #integer(what: string): number {
    const byte = this.peek();
    this.#at++;
    if (byte < 0x80) return byte;
    if (byte >= 0xe0) return byte - 0x100;
    if (byte >= 0xcc && byte <= 0xcf) return this.#unsigned(1 << (byte - 0xcc));
    if (byte >= 0xd0 && byte <= 0xd3) return this.#signed(1 << (byte - 0xd0));
    return malformed(`${what} is not an integer`);
  }

  #unsigned(size: number): number {
    const at = this.#advance(size);
    if (size === 1) return this.#view.getUint8(at);
    if (size === 2) return this.#view.getUint16(at);
    if (size === 4) return this.#view.getUint32(at);
    return Number(this.#view.getBigUint64(at));
  }

  #signed(size: number): number {
    const at = this.#advance(size);
    if (size === 1) return this.#view.getInt8(at);
    if (size === 2) return this.#view.getInt16(at);
    if (size === 4) return this.#view.getInt32(at);
    return Number(this.#view.getBigInt64(at));
  }

  #stringLength(byte: number): number | null {
    if ((byte & 0xe0) === 0xa0) {
      this.#at++;
      return byte & 0x1f;
    }
    return byte >= 0xd9 && byte <= 0xdb ? this.#prefixed(1 << (byte - 0xd9)) : null;
  }

  #binLength(byte: number): number | null {
    return byte >= 0xc4 && byte <= 0xc6 ? this.#prefixed(1 << (byte - 0xc4)) : null;
  }

  #arrayCount(byte: number): number | null {
    if ((byte & 0xf0) === 0x90) {
      this.#at++;
      return byte & 0x0f;
    }
    return byte === 0xdc || byte === 0xdd ? this.#prefixed(byte === 0xdc ? 2 : 4) : null;
  }

  #mapCount(byte: number): number | null {
    if ((byte & 0xf0) === 0x80) {
      this.#at++;
      return byte & 0x0f;
    }
    return byte === 0xde || byte === 0xdf ? this.#prefixed(byte === 0xde ? 2 : 4) : null;
  }

  #prefixed(size: number): number {
    this.#at++;
    return this.#unsigned(size);
  }

  #bounded(what: string, count: number, bytesEach: number, max: number): number {
    if (count > max) malformed(`${what} has more than ${max} elements`);
    if (count * bytesEach > this.#bytes.length - this.#at) malformed('truncated');
    return count;
  }

  #advance(length: number): number {
    const at = this.#at;
    if (length > this.#bytes.length - at) malformed('truncated');
    this.#at = at + length;
    return at;
  }

  #take(length: number): Uint8Array {
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }
}
