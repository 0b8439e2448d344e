/**
 * Root of every error this project throws on purpose.
 *
 * `code` comes from a closed union per area, so that decisions and tests are made on codes and never
 * on prose. `cause` keeps the error underneath; `messageChain` renders both the way the prpc dialect
 * shows them (spec/prpc.md section 8: outermost first, joined by ": ").
 */
export abstract class DstackError<C extends string = string> extends Error {
  readonly code: C;

  constructor(code: C, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** The error texts of `error` and its causes, outermost first, joined by ": ". At most 16 links are followed. */
export function messageChain(error: unknown): string {
  const parts: string[] = [];
  let at: unknown = error;
  for (let depth = 0; at instanceof Error && depth < 16; depth++) {
    parts.push(at.message);
    at = at.cause;
  }
  return parts.length > 0 ? parts.join(': ') : String(error);
}
