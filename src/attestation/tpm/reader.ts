import { VerificationError } from '../../errors/verification-error.js';
import type { VerificationCode } from '../../errors/verification-error.js';

/** Bounded big-endian reads, as TPM structures are marshalled (TPM 2.0 Library Part 2, section 4.10). */
export class TpmReader {
  readonly #bytes: Uint8Array;
  readonly #code: VerificationCode;
  readonly #what: string;
  #at = 0;

  /** @param code of the VerificationError thrown when the bytes end too early */
  constructor(bytes: Uint8Array, code: VerificationCode, what: string) {
    this.#bytes = bytes;
    this.#code = code;
    this.#what = what;
  }

  /** A view of the next `length` bytes. @throws VerificationError */
  take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new VerificationError(this.#code, `${this.#what} ends after ${this.#bytes.length} bytes`);
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  /** A view of everything not read yet. */
  rest(): Uint8Array {
    return this.take(this.#bytes.length - this.#at);
  }

  u8(): number {
    return this.#unsigned(1);
  }

  u16(): number {
    return this.#unsigned(2);
  }

  u32(): number {
    return this.#unsigned(4);
  }

  /** A TPM2B: length u16, then that many bytes, at most `most`. @throws VerificationError */
  sized(most: number, field: string): Uint8Array {
    const length = this.u16();
    if (length > most) throw new VerificationError(this.#code, `${this.#what}: ${field} of ${length} bytes, at most ${most}`);
    return this.take(length);
  }

  #unsigned(length: number): number {
    let value = 0;
    for (const byte of this.take(length)) value = value * 256 + byte;
    return value;
  }
}
