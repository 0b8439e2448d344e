import { openSync, closeSync, fstatSync, readSync } from 'node:fs';
import { parse as parseToml, TomlError } from 'smol-toml';
import type { ZodType } from 'zod';
import { ConfigError } from '../errors/config-error.js';

/** A configuration file larger than this is a mistake. */
const MAX_CONFIG_BYTES = 1024 * 1024;

/**
 * Reads a configuration file: `.toml` is TOML, anything else JSON (spec/kms.md section 2).
 * @throws ConfigError CONFIG_UNREADABLE (missing, larger than 1 MiB) or CONFIG_MALFORMED.
 */
export function loadConfigFile(path: string): unknown {
  const text = readBounded(path, MAX_CONFIG_BYTES).toString('utf8');
  try {
    return path.endsWith('.toml') ? parseToml(text) : JSON.parse(text);
  } catch (error) {
    // Both parsers quote the text around the mistake, which may be a token, so of theirs only the place is told.
    const place = error instanceof TomlError ? `, line ${error.line}, column ${error.column}` : '';
    throw new ConfigError('CONFIG_MALFORMED', `${path} is not valid ${path.endsWith('.toml') ? 'TOML' : 'JSON'}${place}`);
  }
}

/**
 * Checks a configuration value against its schema.
 * @param source what the value came from, for the error text (a file path)
 * @throws ConfigError CONFIG_INVALID naming every offending key path, one line.
 */
export function parseConfig<T>(schema: ZodType<T>, value: unknown, source: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.map((issue) => {
    const path = issue.path.map(String).join('.');
    return path === '' ? issue.message : `${path}: ${issue.message}`;
  });
  throw new ConfigError('CONFIG_INVALID', `${source}: ${issues.join('; ')}`);
}

/** Whole content of the file at `path`. @throws ConfigError CONFIG_UNREADABLE when missing or longer than `maxBytes`. */
export function readBounded(path: string, maxBytes: number): Buffer {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (cause) {
    throw new ConfigError('CONFIG_UNREADABLE', `cannot read ${path}`, { cause });
  }
  try {
    if (!fstatSync(fd).isFile()) throw new ConfigError('CONFIG_UNREADABLE', `${path} is not a regular file`);
    const buffer = Buffer.alloc(maxBytes + 1);
    let length = 0;
    for (let got = -1; got !== 0 && length <= maxBytes; length += got) got = readSync(fd, buffer, length, buffer.length - length, null);
    if (length > maxBytes) throw new ConfigError('CONFIG_UNREADABLE', `${path} is larger than ${maxBytes} bytes`);
    return buffer.subarray(0, length);
  } finally {
    closeSync(fd);
  }
}
