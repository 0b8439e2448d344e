/**
 * Writes MessagePack with the smallest form of every length and integer, as the recorded attestations
 * are written (spec/attestation.md section 3.3).
 */
export class MsgpackWriter {
  #out: Buffer = Buffer.allocUnsafe(4096);
  #length = 0;

  /** What was written, as a copy of its own. */
  finish(): Uint8Array {
    return Uint8Array.from(this.#out.subarray(0, this.#length));
  }

  nil(): this {
    return this.#header([0xc0]);
  }

  /** @param value 0 to 2^32 - 1 */
  uint(value: number): this {
    if (value < 0x80) return this.#header([value]);
    if (value < 0x100) return this.#header([0xcc, value]);
    return value < 0x1_0000 ? this.#sized(0xcd, value, 2) : this.#sized(0xce, value, 4);
  }

  text(value: string): this {
    const bytes = Buffer.from(value, 'utf8');
    if (bytes.length < 32) this.#header([0xa0 | bytes.length]);
    else this.#lengthHeader(0xd9, bytes.length);
    return this.#append(bytes);
  }

  /** The `bin` family. */
  bin(value: Uint8Array): this {
    return this.#lengthHeader(0xc4, value.length).#append(value);
  }

  /** One integer per byte: what serde makes of a plain byte vector. */
  intArray(value: Uint8Array): this {
    this.array(value.length);
    this.#reserve(2 * value.length);
    for (const byte of value) {
      if (byte >= 0x80) this.#out[this.#length++] = 0xcc;
      this.#out[this.#length++] = byte;
    }
    return this;
  }

  /** Header of an array of `count` elements, to be written next. */
  array(count: number): this {
    if (count < 16) return this.#header([0x90 | count]);
    return count < 0x1_0000 ? this.#sized(0xdc, count, 2) : this.#sized(0xdd, count, 4);
  }

  /** Header of a map of `count` pairs, to be written next. At most 15 pairs, which no struct here exceeds. */
  map(count: number): this {
    if (count > 15) throw new RangeError('a map of more than 15 pairs is never written');
    return this.#header([0x80 | count]);
  }

  #lengthHeader(first: number, length: number): this {
    if (length < 0x100) return this.#header([first, length]);
    return length < 0x1_0000 ? this.#sized(first + 1, length, 2) : this.#sized(first + 2, length, 4);
  }

  #sized(first: number, value: number, size: 2 | 4): this {
    this.#reserve(1 + size);
    this.#out[this.#length] = first;
    this.#out.writeUIntBE(value, this.#length + 1, size);
    this.#length += 1 + size;
    return this;
  }

  #header(bytes: readonly number[]): this {
    this.#reserve(bytes.length);
    for (const byte of bytes) this.#out[this.#length++] = byte;
    return this;
  }

  #append(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#out.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#out.length) return;
    const grown = Buffer.allocUnsafe(Math.max(2 * this.#out.length, this.#length + more));
    grown.set(this.#out.subarray(0, this.#length));
    this.#out = grown;
  }
}
