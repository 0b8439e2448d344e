import { DstackError } from './base.js';

/** The codes a caller can see on the wire, whichever door it came through (spec/api.md section 2.1). */
export type ServiceCode =
  | 'UNAUTHORIZED'
  | 'MEASUREMENT_NOT_FOUND'
  | 'KEY_NOT_FOUND'
  | 'INTERNAL_ERROR'
  | 'INVALID_ARGUMENT'
  | 'UNSUPPORTED_PLATFORM'
  | 'RESOURCE_EXHAUSTED'
  | 'DEADLINE_EXCEEDED'
  | 'NOT_READY'
  | 'NOT_FOUND';

/**
 * A refusal whose message is meant for the caller. Anything that is not a ServiceError (or one of the
 * typed errors the error map knows) reaches the caller only as INTERNAL_ERROR with a fixed text.
 */
export class ServiceError extends DstackError<ServiceCode> {}

/** Shorthand for the commonest refusal: a request that can never succeed as sent. */
export function invalidArgument(message: string, options?: { readonly cause?: unknown }): ServiceError {
  return new ServiceError('INVALID_ARGUMENT', message, options);
}
