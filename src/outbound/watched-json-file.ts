import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { ZodType } from 'zod';
import { PolicyError } from '../errors/policy-error.js';
import { versionOf } from './bounded-file.js';

const MAX_BYTES = 16 * 1024 * 1024;

/**
 * A JSON file an operator edits while the service runs. `read` gives its present content, parsed again only when the
 * file changed; a file that cannot be read or does not fit the schema is an error every time, never the old content:
 * a withdrawn permission must not live on in memory.
 */
export class WatchedJsonFile<T> {
  readonly #path: string;
  readonly #schema: ZodType<T>;
  #version = '';
  #value: T | null = null;

  constructor(path: string, schema: ZodType<T>) {
    this.#path = path;
    this.#schema = schema;
  }

  /** @throws PolicyError BACKEND_UNAVAILABLE (cannot be read, over 16 MiB), BACKEND_ANSWER_INVALID (not the JSON it should be) */
  read(): T {
    const fd = this.#open();
    try {
      const stats = fstatSync(fd, { bigint: false });
      const version = versionOf(stats);
      if (this.#value === null || version !== this.#version) {
        this.#value = null;
        this.#value = this.#parse(readAll(fd, stats.size, this.#path));
        this.#version = version;
      }
      return this.#value;
    } finally {
      closeSync(fd);
    }
  }

  #open(): number {
    try {
      return openSync(this.#path, 'r');
    } catch (cause) {
      throw new PolicyError('BACKEND_UNAVAILABLE', `cannot read ${this.#path}`, { cause });
    }
  }

  #parse(bytes: Buffer): T {
    let value: unknown;
    try {
      value = JSON.parse(bytes.toString('utf8'));
    } catch (cause) {
      throw new PolicyError('BACKEND_ANSWER_INVALID', `${this.#path} is not JSON`, { cause });
    }
    const result = this.#schema.safeParse(value);
    if (result.success) return result.data;
    const { path, message } = result.error.issues[0] ?? { path: [], message: 'invalid' };
    throw new PolicyError('BACKEND_ANSWER_INVALID', `${this.#path}: ${path.map(String).join('.')}: ${message}`);
  }
}

function readAll(fd: number, size: number, path: string): Buffer {
  if (size > MAX_BYTES) throw new PolicyError('BACKEND_UNAVAILABLE', `${path} is larger than ${MAX_BYTES} bytes`);
  const buffer = Buffer.alloc(size);
  let length = 0;
  for (let got = -1; got !== 0 && length < size; length += got) got = readSync(fd, buffer, length, size - length, null);
  return buffer.subarray(0, length);
}
