import { VerificationError } from '../../errors/verification-error.js';

/** Longest quote looked at; also bounds every variable length inside (real ones take about 5 KiB). */
export const MAX_QUOTE_LENGTH = 1 << 20;

/** A cursor over the quote's bytes that refuses to leave them. Everything read is a view, not a copy. */
export class QuoteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Offset of the next byte to be read. */
  get offset(): number {
    return this.#at;
  }

  /** The bytes from `start` up to the cursor. */
  since(start: number): Uint8Array {
    return this.#bytes.subarray(start, this.#at);
  }

  /** @throws VerificationError QUOTE_MALFORMED when bytes are left */
  end(field: string): void {
    const left = this.#bytes.length - this.#at;
    if (left > 0) throw new VerificationError('QUOTE_MALFORMED', `${field} has ${left} bytes too many`);
  }

  /** @throws VerificationError QUOTE_MALFORMED when fewer than `length` bytes are left */
  bytes(length: number, field: string): Uint8Array {
    const start = this.#at;
    if (length > this.#bytes.length - start) {
      const left = this.#bytes.length - start;
      throw new VerificationError('QUOTE_MALFORMED', `quote truncated: ${field} needs ${length} bytes, ${left} are left`);
    }
    this.#at = start + length;
    return this.#bytes.subarray(start, this.#at);
  }

  /** Little-endian. @throws VerificationError QUOTE_MALFORMED */
  u16(field: string): number {
    const start = this.#at;
    this.bytes(2, field);
    return this.#view.getUint16(start, true);
  }

  /** Little-endian. @throws VerificationError QUOTE_MALFORMED */
  u32(field: string): number {
    const start = this.#at;
    this.bytes(4, field);
    return this.#view.getUint32(start, true);
  }
}
