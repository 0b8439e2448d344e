import { DstackError } from '../errors/base.js';

/**
 * Bytes that are not the SCALE encoding they should be, or exceed this decoder's bounds. The texts of the
 * common mistakes, and of `field`, are those that existing servers answer with.
 */
export class ScaleError extends DstackError<'SCALE_MALFORMED'> {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super('SCALE_MALFORMED', message, options);
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads SCALE primitives (spec/attestation.md section 3.1) from `bytes`; byte strings come back as views,
 * never copies. Every length is checked against what is left before anything is allocated, and compact
 * integers must be minimal, as parity-scale-codec demands. Every method throws ScaleError.
 */
export class ScaleReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.raw(1)[0] ?? 0;
  }

  u16(): number {
    return this.#unsigned(2);
  }

  u32(): number {
    return this.#unsigned(4);
  }

  u64(): bigint {
    const low = this.u32();
    return (BigInt(this.u32()) << 32n) | BigInt(low);
  }

  bool(): boolean {
    const byte = this.u8();
    if (byte > 1) throw new ScaleError('Invalid boolean representation');
    return byte === 1;
  }

  /** A compact integer of at most 32 bits. */
  compact(): number {
    const first = this.u8();
    const mode = first & 3;
    if (mode === 0) return first >>> 2;
    if (mode === 3) {
      if (first !== 3) throw new ScaleError('compact integer above 32 bits');
      return minimal(this.u32(), 2 ** 30);
    }
    const high = this.#unsigned(mode === 1 ? 1 : 3);
    return minimal(high * 64 + (first >>> 2), mode === 1 ? 2 ** 6 : 2 ** 14);
  }

  /** Exactly `length` bytes without a length prefix. */
  raw(length: number): Uint8Array {
    if (length > this.remaining) throw new ScaleError('Not enough data to fill buffer');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** A length-prefixed byte string of at most `max` bytes. */
  bytes(max: number): Uint8Array {
    const length = this.compact();
    if (length > this.remaining) throw new ScaleError('Not enough data to decode vector');
    if (length > max) throw new ScaleError(`byte string of ${length} bytes, at most ${max}`);
    return this.raw(length);
  }

  /** A length-prefixed UTF-8 text of at most `max` bytes. */
  string(max: number): string {
    const bytes = this.bytes(max);
    try {
      return utf8.decode(bytes);
    } catch {
      throw new ScaleError('Invalid utf8 sequence');
    }
  }

  /** What `read` returns; a ScaleError in it names the field `name`, e.g. "Request::subject", around the first mistake. */
  field<T>(name: string, read: (reader: this) => T): T {
    try {
      return read(this);
    } catch (cause) {
      if (!(cause instanceof ScaleError)) throw cause;
      const inner = cause.message.replace(/^/, '\t').replace(/\n(?=.)/g, '\n\t');
      throw new ScaleError(`Could not decode \`${name}\`:\n${inner}${inner.endsWith('\n') ? '' : '\n'}`, { cause });
    }
  }

  /** `null` for None. */
  option<T>(read: (reader: this) => T): T | null {
    const tag = this.u8();
    if (tag > 1) throw new ScaleError('unexpected first byte decoding Option');
    return tag === 0 ? null : read(this);
  }

  /** A vector of at most `maxCount` items. */
  vector<T>(maxCount: number, read: (reader: this) => T): T[] {
    const count = this.compact();
    if (count > maxCount) throw new ScaleError(`vector of ${count} items, at most ${maxCount}`);
    const items: T[] = [];
    for (let i = 0; i < count; i++) items.push(read(this));
    return items;
  }

  /** Everything not read yet. */
  rest(): Uint8Array {
    return this.raw(this.remaining);
  }

  /** Refuses trailing bytes. */
  end(): void {
    if (this.remaining > 0) throw new ScaleError(`${this.remaining} trailing bytes`);
  }

  #unsigned(width: number): number {
    const bytes = this.raw(width);
    let value = 0;
    for (let i = width - 1; i >= 0; i--) value = value * 256 + (bytes[i] ?? 0);
    return value;
  }
}

function minimal(value: number, least: number): number {
  if (value < least) throw new ScaleError('compact integer is not minimally encoded');
  return value;
}
