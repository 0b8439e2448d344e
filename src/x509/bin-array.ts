/**
 * The handful of MessagePack types that the app info extension is made of: arrays, byte strings, nil, and
 * for reading also maps and text. Lengths are written in the shortest form and read in any.
 */
export class BinArrayWriter {
  readonly #parts: Uint8Array[] = [];

  /** @throws RangeError above 15 elements, which no extension has */
  array(count: number): this {
    if (count > 15) throw new RangeError('more than 15 elements');
    return this.#push(Uint8Array.of(0x90 | count));
  }

  /** @throws RangeError above 65535 bytes */
  bin(bytes: Uint8Array): this {
    const { length } = bytes;
    if (length > 0xffff) throw new RangeError('more than 65535 bytes');
    return this.#push(length < 0x100 ? Uint8Array.of(0xc4, length) : Uint8Array.of(0xc5, length >> 8, length & 0xff)).#push(bytes);
  }

  nil(): this {
    return this.#push(Uint8Array.of(0xc0));
  }

  finish(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.#parts));
  }

  #push(part: Uint8Array): this {
    this.#parts.push(part);
    return this;
  }
}

/** Reads what BinArrayWriter writes. Every method throws what `malformed` makes; byte strings are views. */
export class BinArrayReader {
  readonly #bytes: Uint8Array;
  readonly #malformed: (detail: string) => Error;
  #at = 0;

  constructor(bytes: Uint8Array, malformed: (detail: string) => Error) {
    this.#bytes = bytes;
    this.#malformed = malformed;
  }

  nextIsMap(): boolean {
    const byte = this.#bytes[this.#at] ?? 0;
    return (byte & 0xf0) === 0x80 || byte === 0xde || byte === 0xdf;
  }

  takeNil(): boolean {
    const isNil = this.#bytes[this.#at] === 0xc0;
    if (isNil) this.#at++;
    return isNil;
  }

  /** Number of elements that follow, no more than there are bytes left. */
  array(): number {
    return this.#count(0x90, 0xdc, 'an array');
  }

  /** Number of pairs that follow, no more than there are bytes left. */
  map(): number {
    return this.#count(0x80, 0xde, 'a map');
  }

  bin(): Uint8Array {
    const type = this.#unsigned(1);
    if (type < 0xc4 || type > 0xc6) throw this.#malformed('not a byte string');
    return this.#take(this.#unsigned(1 << (type - 0xc4)));
  }

  text(): string {
    const type = this.#unsigned(1);
    if ((type & 0xe0) === 0xa0) return this.#latin1(type & 0x1f);
    if (type !== 0xd9) throw this.#malformed('not a field name');
    return this.#latin1(this.#unsigned(1));
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw this.#malformed('trailing bytes');
  }

  #count(fixed: number, sized: number, what: string): number {
    const type = this.#unsigned(1);
    if ((type & 0xf0) !== fixed && type !== sized && type !== sized + 1) throw this.#malformed(`not ${what}`);
    const count = type === sized ? this.#unsigned(2) : type === sized + 1 ? this.#unsigned(4) : type & 0x0f;
    if (count > this.#bytes.length - this.#at) throw this.#malformed('truncated');
    return count;
  }

  /** Field names are ASCII; any other octet makes a name that is not known. */
  #latin1(length: number): string {
    return Buffer.from(this.#take(length)).toString('latin1');
  }

  #unsigned(width: number): number {
    return this.#take(width).reduce((value, byte) => value * 256 + byte, 0);
  }

  #take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) throw this.#malformed('truncated');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}
