import type { VerificationCode } from '../../errors/verification-error.js';
import { VerificationError } from '../../errors/verification-error.js';

/** Longest signed text looked at; Intel's are 0.5 to 30 KiB. */
const MAX_TEXT_LENGTH = 1 << 18;

const RFC3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;

/**
 * Strict access to the fields of a JSON object: wrong type, range or length is an error that names the
 * field; unknown fields are ignored. `code` is what every refusal carries.
 */
export class JsonFields {
  readonly #object: Readonly<Record<string, unknown>>;
  /** Its name where it stands alone, or the object it is a member of. Put into words only for a refusal. */
  readonly #parent: string | JsonFields;
  readonly #key: string;
  readonly #code: VerificationCode;

  /** @param parent what the object is called, or the object it is member `key` of */
  constructor(value: unknown, parent: string | JsonFields, code: VerificationCode, key = '') {
    this.#object = value as Readonly<Record<string, unknown>>;
    this.#parent = parent;
    this.#key = key;
    this.#code = code;
    if (!isObject(value)) throw new VerificationError(code, `${this.#path()} is not an object`);
  }

  /** @throws VerificationError of `code` when the text is too long or not the JSON text of an object */
  static parse(text: string, path: string, code: VerificationCode): JsonFields {
    if (text.length > MAX_TEXT_LENGTH) throw new VerificationError(code, `${path} has ${text.length} characters, at most ${MAX_TEXT_LENGTH}`);
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (cause) {
      throw new VerificationError(code, `${path} is not JSON`, { cause });
    }
    return new JsonFields(value, path, code);
  }

  string(key: string): string {
    const value = this.#value(key);
    if (typeof value !== 'string') throw this.#refuse(key, 'is not a text');
    return value;
  }

  /** Integer of 0 to `max`. */
  integer(key: string, max: number): number {
    const value = this.#value(key);
    if (!isIntegerUpTo(value, max)) throw this.#refuse(key, `is not an integer of 0 to ${max}`);
    return value;
  }

  /** Hex text, either case, of exactly `length` bytes. */
  hex(key: string, length: number): Uint8Array {
    const text = this.string(key);
    if (text.length !== length * 2 || !/^[0-9a-fA-F]*$/.test(text)) throw this.#refuse(key, `is not the hex text of ${length} bytes`);
    return new Uint8Array(Buffer.from(text, 'hex'));
  }

  /** RFC 3339 time as unix seconds, fractions dropped. */
  time(key: string): number {
    const seconds = this.timeOrNull(key);
    if (seconds === null) throw this.#refuse(key, 'is not an RFC 3339 time');
    return seconds;
  }

  /** The same, null for a text that is no such time. */
  timeOrNull(key: string): number | null {
    const text = this.string(key);
    const milliseconds = RFC3339.test(text) ? Date.parse(text) : Number.NaN;
    return Number.isNaN(milliseconds) ? null : Math.floor(milliseconds / 1000);
  }

  object(key: string): JsonFields {
    return new JsonFields(this.#value(key), this, this.#code, `.${key}`);
  }

  /** null when the field is missing or null. */
  optionalObject(key: string): JsonFields | null {
    return this.#isAbsent(key) ? null : this.object(key);
  }

  /** At most `max` objects; none when the field is missing. */
  objects(key: string, max: number, presence: 'required' | 'optional' = 'required'): JsonFields[] {
    return this.#array(key, max, presence).map((value, i) => new JsonFields(value, this, this.#code, `.${key}[${i}]`));
  }

  /** Member `member`, an integer of 0 to `largest`, of each of at most `max` objects; none when the field is missing. */
  integersOf(key: string, max: number, member: string, largest: number): number[] {
    return this.#array(key, max, 'optional').map((element, i) => {
      // Hundreds of these in a document: only one that is wrong is worth an object of its own, which says so.
      const value = isObject(element) ? own(element, member) : undefined;
      if (isIntegerUpTo(value, largest)) return value;
      return new JsonFields(element, this, this.#code, `.${key}[${i}]`).integer(member, largest);
    });
  }

  /** At most `max` texts; none when the field is missing. */
  optionalStrings(key: string, max: number): string[] {
    return this.#array(key, max, 'optional').map((value) => {
      if (typeof value !== 'string') throw this.#refuse(key, 'holds something other than texts');
      return value;
    });
  }

  /** The refusal of a field, for rules that are not about types. */
  refusal(key: string, detail: string): VerificationError {
    return this.#refuse(key, detail);
  }

  #array(key: string, max: number, presence: 'required' | 'optional'): readonly unknown[] {
    if (presence === 'optional' && this.#isAbsent(key)) return [];
    const value = this.#value(key);
    if (!Array.isArray(value)) throw this.#refuse(key, 'is not a list');
    if (value.length > max) throw this.#refuse(key, `has ${value.length} elements, at most ${max}`);
    return value;
  }

  #isAbsent(key: string): boolean {
    const value = this.#value(key);
    return value === undefined || value === null;
  }

  #value(key: string): unknown {
    return own(this.#object, key);
  }

  #path(): string {
    return typeof this.#parent === 'string' ? this.#parent : this.#parent.#path() + this.#key;
  }

  #refuse(key: string, detail: string): VerificationError {
    return new VerificationError(this.#code, `${this.#path()}.${key} ${detail}`);
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function own(object: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function isIntegerUpTo(value: unknown, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max;
}
