import { VerificationError } from '../../errors/verification-error.js';

/** @throws VerificationError EVENT_LOG_MALFORMED, always. */
export function malformedLog(what: string, options?: { readonly cause?: unknown }): never {
  throw new VerificationError('EVENT_LOG_MALFORMED', `malformed event log: ${what}`, options);
}

/** A JSON object, or the error. */
export function jsonObject(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return malformedLog(`${what} is not an object`);
  return value as Readonly<Record<string, unknown>>;
}

/** An event version of JSON: 1 when absent; anything but 1 and 2 is refused. */
export function jsonVersion(value: unknown, what: string): 1 | 2 {
  if (value === undefined || value === 1) return 1;
  return value === 2 ? 2 : malformedLog(`${what} is neither 1 nor 2`);
}

/** A required string. Lone surrogates are refused: they have no UTF-8 form and so no digest. */
export function jsonText(value: unknown, what: string): string {
  if (typeof value !== 'string') return malformedLog(`${what} is not a string`);
  return /\p{Cs}/u.test(value) ? malformedLog(`${what} is not well-formed Unicode`) : value;
}
