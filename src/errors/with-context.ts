import { DstackError } from './base.js';

/**
 * The same error one level further out: same class, code and further fields, `context` as message and the original as cause,
 * so that `messageChain` reads "context: original" (spec/prpc.md section 8) and decisions stay unchanged.
 * Anything that is not a DstackError is returned as it is.
 */
export function withContext(error: unknown, context: string): unknown {
  if (!(error instanceof DstackError)) return error;
  const Same = error.constructor as new (code: string, message: string, options: { cause: unknown }) => DstackError;
  const outer = new Same(error.code, context, { ...error, cause: error });
  // A class with a constructor of its own cannot be rebuilt this way; its error is better left as it is than garbled.
  return outer.code === error.code && outer.message === context ? outer : error;
}
