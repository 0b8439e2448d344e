import { ScaleError } from './scale.js';

/**
 * Writes SCALE primitives (spec/attestation.md section 3.1); compact integers in their shortest form.
 * Every method throws ScaleError for a value its encoding cannot hold, and returns the writer.
 */
export class ScaleWriter {
  readonly #parts: Uint8Array[] = [];

  u8(value: number): this {
    return this.raw(littleEndian(value, 1));
  }

  u16(value: number): this {
    return this.raw(littleEndian(value, 2));
  }

  u32(value: number): this {
    return this.raw(littleEndian(value, 4));
  }

  u64(value: bigint): this {
    if (value < 0n || value > 0xffff_ffff_ffff_ffffn) throw new ScaleError('integer outside 64 bits');
    return this.u32(Number(value & 0xffff_ffffn)).u32(Number(value >> 32n));
  }

  bool(value: boolean): this {
    return this.u8(value ? 1 : 0);
  }

  /** A compact integer of at most 32 bits. */
  compact(value: number): this {
    if (!Number.isInteger(value)) throw new ScaleError('not an integer');
    if (value < 2 ** 6) return this.u8(value * 4);
    if (value < 2 ** 14) return this.u16(value * 4 + 1);
    if (value < 2 ** 30) return this.u32(value * 4 + 2);
    return this.u8(3).u32(value);
  }

  /** `bytes` without a length prefix. Kept as a view until `finish`. */
  raw(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    return this;
  }

  bytes(bytes: Uint8Array): this {
    return this.compact(bytes.length).raw(bytes);
  }

  string(text: string): this {
    return this.bytes(Buffer.from(text, 'utf8'));
  }

  /** `null` is None. */
  option<T>(value: T | null, write: (writer: this, value: T) => void): this {
    this.bool(value !== null);
    if (value !== null) write(this, value);
    return this;
  }

  vector<T>(items: readonly T[], write: (writer: this, item: T) => void): this {
    this.compact(items.length);
    for (const item of items) write(this, item);
    return this;
  }

  /** Everything written so far, in a new array. */
  finish(): Uint8Array {
    let length = 0;
    for (const part of this.#parts) length += part.length;
    const out = new Uint8Array(length);
    let at = 0;
    for (const part of this.#parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }
}

function littleEndian(value: number, width: number): Uint8Array {
  if (!Number.isInteger(value) || value < 0 || value >= 2 ** (8 * width)) throw new ScaleError(`integer outside ${8 * width} bits`);
  const out = new Uint8Array(width);
  for (let i = 0, rest = value; i < width; i++, rest = Math.floor(rest / 256)) out[i] = rest % 256;
  return out;
}
