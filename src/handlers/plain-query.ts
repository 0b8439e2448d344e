import { invalidArgument } from '../errors/service-error.js';

/** Longest hex text of any parameter of a documented URL: twice the largest field, and a prefix. */
const MAX_HEX = 4096;

/**
 * The bytes of a hex query parameter of a documented URL (spec/api.md section 1): `0x` optional, any case.
 * @returns null when the parameter is absent
 * @throws ServiceError INVALID_ARGUMENT naming the parameter: given twice, odd length, not hex, too long
 */
export function queryBytes(query: URLSearchParams, name: string): Uint8Array | null {
  const text = querySingle(query, name);
  if (text === null) return null;
  const digits = text.replace(/^(?:0x)+/, '');
  if (digits.length > MAX_HEX) throw invalidArgument(`${name} is too long`);
  if (digits.length % 2 !== 0) throw invalidArgument(`${name}: Odd number of digits`);
  if (!/^[0-9a-f]*$/i.test(digits)) throw invalidArgument(`${name} is not hex`);
  return Uint8Array.from(Buffer.from(digits, 'hex'));
}

/** Whether the prpc form of a documented URL is asked for, `?encoding=hex`. */
export function wantsHex(query: URLSearchParams): boolean {
  return query.getAll('encoding').join() === 'hex';
}

/** @throws ServiceError INVALID_ARGUMENT for an encoding other than `base64`, the only one left once `hex` went elsewhere */
export function checkEncoding(query: URLSearchParams): void {
  if ((querySingle(query, 'encoding') ?? 'base64') !== 'base64') throw invalidArgument('encoding must be base64 or hex');
}

function querySingle(query: URLSearchParams, name: string): string | null {
  const values = query.getAll(name);
  if (values.length > 1) throw invalidArgument(`${name} is given ${values.length} times`);
  return values[0] ?? null;
}
