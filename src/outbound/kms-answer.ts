import { KmsClientError } from '../errors/kms-client-error.js';

/** An answer of a KMS, read field by field; errors name the field, never its value. */
export interface KmsAnswer {
  /** @throws KmsClientError KMS_ANSWER_INVALID */
  text(key: string): string;
  /** Hex without prefix; of `length` bytes unless null. */
  bytes(key: string, length: number | null): Uint8Array;
  /** At most 16 strings, at least one. */
  texts(key: string): readonly string[];
}

const MAX_TEXTS = 16;

/** @param method for error texts */
export function kmsAnswer(method: string, fields: Readonly<Record<string, unknown>>): KmsAnswer {
  const invalid = (key: string, why: string): never => {
    throw new KmsClientError('KMS_ANSWER_INVALID', `${method}: ${key} ${why}`);
  };
  const text = (key: string): string => {
    const value = Object.hasOwn(fields, key) ? fields[key] : undefined;
    return typeof value === 'string' ? value : invalid(key, 'is not a string');
  };
  return {
    text,
    bytes(key, length) {
      const value = text(key);
      if (value.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(value)) invalid(key, 'is not hex');
      if (length !== null && value.length !== length * 2) invalid(key, `is not ${length} bytes`);
      return Uint8Array.from(Buffer.from(value, 'hex'));
    },
    texts(key) {
      const value = Object.hasOwn(fields, key) ? fields[key] : undefined;
      if (!Array.isArray(value) || value.length === 0 || value.length > MAX_TEXTS) return invalid(key, `is not a list of 1 to ${MAX_TEXTS} strings`);
      return value.map((item: unknown) => (typeof item === 'string' ? item : invalid(key, 'holds something else than strings')));
    },
  };
}
