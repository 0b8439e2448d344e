import { VerificationError } from '../../errors/verification-error.js';

/**
 * A CBOR value of an attestation document (RFC 8949). Integers beyond 2^53 are bigint; `simple` stands
 * for null, undefined, booleans and floats; no field of a document uses them except as "absent".
 */
export type CborValue = number | bigint | string | Uint8Array | readonly CborValue[] | CborMap | CborSimple | CborTagged;

/** Keys are integers or texts, each at most once. */
export interface CborMap {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<number | string, CborValue>;
}

export interface CborSimple {
  readonly kind: 'simple';
  readonly absent: boolean;
  /** null for everything but booleans. */
  readonly flag: boolean | null;
}

export interface CborTagged {
  readonly kind: 'tag';
  readonly tag: number;
  readonly value: CborValue;
}

const MAX_DEPTH = 8;
const MAX_VALUES = 65_536;
const BREAK = 0xff;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @throws VerificationError NSM_DOCUMENT_MALFORMED, always. */
export function malformedDocument(what: string, options?: { readonly cause?: unknown }): never {
  throw new VerificationError('NSM_DOCUMENT_MALFORMED', `malformed attestation document: ${what}`, options);
}

/**
 * Decodes exactly one CBOR value that fills `bytes`. Definite and indefinite lengths are read, duplicate
 * keys refused; at most 8 levels and 65 536 values. Written here because the libraries at hand recurse as
 * deep as the input says and cannot bound the number of values, and because the reader of evidence should
 * be short enough to be read in full.
 * @throws VerificationError NSM_DOCUMENT_MALFORMED
 */
export function decodeCbor(bytes: Uint8Array): CborValue {
  const reader = new CborReader(bytes);
  const value = reader.value(0);
  reader.end();
  return value;
}

class CborReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #values = 0;

  constructor(bytes: Uint8Array) {
    // A plain Uint8Array even when given a Buffer, so that every byte string comes out as one.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  end(): void {
    if (this.#at !== this.#bytes.length) malformedDocument(`${this.#bytes.length - this.#at} trailing bytes`);
  }

  value(depth: number): CborValue {
    if (depth > MAX_DEPTH) malformedDocument(`nested deeper than ${MAX_DEPTH}`);
    if (++this.#values > MAX_VALUES) malformedDocument(`more than ${MAX_VALUES} values`);
    const first = this.#byte();
    const info = first & 0x1f;
    switch (first >> 5) {
      case 0:
        return this.#argument(info);
      case 1:
        return this.#negative(info);
      case 2:
        return this.#string(info, 2);
      case 3:
        return this.#text(info);
      case 4:
        return this.#array(info, depth);
      case 5:
        return this.#map(info, depth);
      case 6:
        return { kind: 'tag', tag: this.#length(info), value: this.value(depth + 1) };
      default:
        return this.#simple(info);
    }
  }

  #negative(info: number): number | bigint {
    const magnitude = this.#argument(info);
    return typeof magnitude === 'bigint' ? -1n - magnitude : -1 - magnitude;
  }

  /** Bytes of a definite string, or of the definite chunks of an indefinite one (RFC 8949 section 3.2.3). */
  #string(info: number, major: number): Uint8Array {
    if (info !== 31) return this.#take(this.#length(info));
    const chunks: Uint8Array[] = [];
    for (let first = this.#byte(); first !== BREAK; first = this.#byte()) {
      if (first >> 5 !== major || (first & 0x1f) === 31) malformedDocument('string chunk of another type');
      if (++this.#values > MAX_VALUES) malformedDocument(`more than ${MAX_VALUES} values`);
      chunks.push(this.#take(this.#length(first & 0x1f)));
    }
    return Uint8Array.from(Buffer.concat(chunks));
  }

  #text(info: number): string {
    const bytes = this.#string(info, 3);
    try {
      return utf8.decode(bytes);
    } catch (cause) {
      return malformedDocument('text is not UTF-8', { cause });
    }
  }

  #array(info: number, depth: number): CborValue[] {
    const items: CborValue[] = [];
    if (info === 31) {
      while (!this.#takeBreak()) items.push(this.value(depth + 1));
      return items;
    }
    const count = this.#length(info);
    if (count > this.#bytes.length - this.#at) malformedDocument('truncated');
    for (let i = 0; i < count; i++) items.push(this.value(depth + 1));
    return items;
  }

  #map(info: number, depth: number): CborMap {
    const entries = new Map<number | string, CborValue>();
    const count = info === 31 ? null : this.#length(info);
    for (let i = 0; count === null ? !this.#takeBreak() : i < count; i++) {
      const key = this.value(depth + 1);
      if (typeof key !== 'number' && typeof key !== 'string') return malformedDocument('map key is neither integer nor text');
      if (entries.has(key)) malformedDocument(`map has key ${key} twice`);
      entries.set(key, this.value(depth + 1));
    }
    return { kind: 'map', entries };
  }

  #simple(info: number): CborSimple {
    if (info === 24 && this.#byte() < 32) malformedDocument('two-byte simple value below 32');
    if (info >= 25 && info <= 27) this.#take(1 << (info - 24));
    if (info > 27) malformedDocument('break or reserved value outside a container');
    return { kind: 'simple', absent: info === 22 || info === 23, flag: info === 20 ? false : info === 21 ? true : null };
  }

  #takeBreak(): boolean {
    if (this.#bytes[this.#at] !== BREAK) return false;
    this.#at++;
    return true;
  }

  #length(info: number): number {
    const length = this.#argument(info);
    return typeof length === 'number' ? length : malformedDocument('truncated');
  }

  #argument(info: number): number | bigint {
    if (info < 24) return info;
    if (info > 27) malformedDocument(`additional information ${info}`);
    const size = 1 << (info - 24);
    this.#take(size);
    const at = this.#at - size;
    if (size === 1) return this.#view.getUint8(at);
    if (size === 2) return this.#view.getUint16(at);
    if (size === 4) return this.#view.getUint32(at);
    const value = this.#view.getBigUint64(at);
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    this.#at++;
    return byte ?? malformedDocument('truncated');
  }

  #take(length: number): Uint8Array {
    const at = this.#at;
    if (length > this.#bytes.length - at) malformedDocument('truncated');
    this.#at = at + length;
    return this.#bytes.subarray(at, at + length);
  }
}
