import { invalidArgument } from '../errors/service-error.js';

const MAX_BYTES = 256;

/**
 * A name keys may be asked for by: 1 to 256 bytes of UTF-8 without control characters (spec/api.md section 2.1).
 * Returns its bytes, the context the key is derived with.
 * @throws ServiceError INVALID_ARGUMENT
 */
export function keyNameBytes(name: string): Uint8Array {
  // A lone surrogate has no UTF-8 form; encoding it would silently give the key of another name.
  if (!name.isWellFormed()) throw invalidArgument('name is not valid Unicode');
  const bytes = Buffer.from(name, 'utf8');
  if (bytes.length === 0 || bytes.length > MAX_BYTES) throw invalidArgument(`name must be 1 to ${MAX_BYTES} bytes of UTF-8, got ${bytes.length}`);
  if (/\p{Cc}/u.test(name)) throw invalidArgument('name must not contain control characters');
  return bytes;
}
