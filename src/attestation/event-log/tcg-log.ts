import { malformedLog } from './log-error.js';

/** Any count or length in a log (spec/attestation.md section 2.1). */
const MAX_FIELD = 65_536;
/** A whole log; recorded ones have 64 KiB at most. */
const MAX_LOG_BYTES = 4 * 1024 * 1024;

const EV_NO_ACTION = 3;
const SPEC_ID = Buffer.from('Spec ID Event03\0', 'latin1');

/** TPM_ALG_ID to digest size; the table in the first record is not consulted. */
const DIGEST_SIZES: ReadonlyMap<number, number> = new Map([
  [0x0004, 20],
  [0x000b, 32],
  [0x000c, 48],
  [0x000d, 64],
]);

/** TCG_PCR_EVENT2 (TCG PC Client Platform Firmware Profile, section "Crypto Agile Log Entry Format"). Byte fields are copies. */
export interface TcgRecord {
  readonly register: number;
  readonly eventType: number;
  readonly digests: readonly TcgDigest[];
  readonly payload: Uint8Array;
}

export interface TcgDigest {
  /** TPM_ALG_ID. */
  readonly algorithm: number;
  readonly digest: Uint8Array;
}

/** A reader of a crypto-agile TCG log: little-endian, every read within the input, no more than 4 MiB of it. */
export class TcgLogReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  /** Reads past the first record, which has the old SHA-1 layout and holds the Spec ID event. @throws VerificationError EVENT_LOG_MALFORMED */
  constructor(log: Uint8Array) {
    if (log.length > MAX_LOG_BYTES) malformedLog(`more than ${MAX_LOG_BYTES} bytes`);
    // A plain Uint8Array even when given a Buffer, whose slice() does not copy.
    this.#bytes = new Uint8Array(log.buffer, log.byteOffset, log.byteLength);
    this.#view = new DataView(log.buffer, log.byteOffset, log.byteLength);
    this.#u32();
    if (this.#u32() !== EV_NO_ACTION) malformedLog('first record is no Spec ID event');
    this.#take(20);
    const header = this.#take(this.#length('size of the Spec ID event'));
    if (!SPEC_ID.equals(header.subarray(0, SPEC_ID.length))) malformedLog('first record is no Spec ID event');
  }

  /** True when everything was read. */
  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** The u32 that comes next, a register or the end mark, without consuming it. @throws VerificationError EVENT_LOG_MALFORMED */
  peek(): number {
    const value = this.#u32();
    this.#at -= 4;
    return value;
  }

  /** @throws VerificationError EVENT_LOG_MALFORMED */
  record(): TcgRecord {
    const register = this.#u32();
    const eventType = this.#u32();
    const digests: TcgDigest[] = [];
    const count = this.#length('digest count');
    for (let i = 0; i < count; i++) {
      const algorithm = this.#u16();
      const size = DIGEST_SIZES.get(algorithm) ?? malformedLog('unknown digest algorithm');
      digests.push({ algorithm, digest: this.#take(size).slice() });
    }
    const payload = this.#take(this.#length('event size')).slice();
    return { register, eventType, digests, payload };
  }

  #take(length: number): Uint8Array {
    const at = this.#at;
    if (length > this.#bytes.length - at) malformedLog('truncated');
    this.#at = at + length;
    return this.#bytes.subarray(at, at + length);
  }

  #u16(): number {
    this.#take(2);
    return this.#view.getUint16(this.#at - 2, true);
  }

  #u32(): number {
    this.#take(4);
    return this.#view.getUint32(this.#at - 4, true);
  }

  /** A count or length, at most MAX_FIELD. */
  #length(what: string): number {
    const value = this.#u32();
    return value <= MAX_FIELD ? value : malformedLog(`${what} is more than ${MAX_FIELD}`);
  }
}
