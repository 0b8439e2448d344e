import { ConfigError } from '../errors/config-error.js';

/** One object of an input file of the agent, read field by field; no error ever quotes a value, since key files are read with it. */
export interface JsonFields {
  /** @throws ConfigError CONFIG_INVALID when absent, unless `fallback` is given */
  text(key: string, fallback?: string): string;
  /** Strict hex: even length, any case, no `0x` (spec/guest-agent.md section 3.1). */
  hex(key: string, fallback?: Uint8Array): Uint8Array;
  flag(key: string, fallback: boolean): boolean;
  /** At most 256 strings; empty when absent or null. */
  texts(key: string): readonly string[];
  /** Names of the keys present. */
  readonly keys: readonly string[];
  /** null when absent or null. */
  object(key: string): JsonFields | null;
  /** The raw value for the few fields with more than one type; undefined when absent. */
  raw(key: string): unknown;
  /** Refuses the document because of `key`. */
  refuse(key: string, why: string): never;
}

const MAX_LIST = 256;

/**
 * Parses a JSON document whose top level is an object.
 * @param what what the document is, for error texts ("app keys")
 * @throws ConfigError CONFIG_MALFORMED for anything that is not a JSON object
 */
export function parseJsonDocument(text: string, what: string): JsonFields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text around the mistake, which may be a key.
    throw new ConfigError('CONFIG_MALFORMED', `${what}: not valid JSON`);
  }
  if (!isObject(value)) throw new ConfigError('CONFIG_MALFORMED', `${what}: not a JSON object`);
  return fieldsOf(value, what);
}

function fieldsOf(object: Readonly<Record<string, unknown>>, what: string): JsonFields {
  const raw = (key: string): unknown => (Object.hasOwn(object, key) ? object[key] : undefined);
  const refuse = (key: string, why: string): never => {
    throw new ConfigError('CONFIG_INVALID', `${what}: ${key} ${why}`);
  };
  const text = (key: string, fallback?: string): string => {
    const value = raw(key) ?? fallback;
    return typeof value === 'string' ? value : refuse(key, value === undefined ? 'is missing' : 'must be a string');
  };
  return {
    keys: Object.keys(object),
    raw,
    refuse,
    text,
    hex(key, fallback) {
      if (raw(key) === undefined && fallback !== undefined) return fallback;
      const value = text(key);
      if (value.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(value)) refuse(key, 'must be hex of even length without 0x');
      return Uint8Array.from(Buffer.from(value, 'hex'));
    },
    flag(key, fallback) {
      const value = raw(key) ?? fallback;
      return typeof value === 'boolean' ? value : refuse(key, 'must be true or false');
    },
    texts(key) {
      const value = raw(key) ?? [];
      if (!Array.isArray(value) || value.length > MAX_LIST) return refuse(key, `must be a list of at most ${MAX_LIST} strings`);
      return value.map((item: unknown) => (typeof item === 'string' ? item : refuse(key, 'must hold strings only')));
    },
    object(key) {
      const value = raw(key) ?? null;
      if (value === null) return null;
      return isObject(value) ? fieldsOf(value, `${what}: ${key}`) : refuse(key, 'must be an object');
    },
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
