/**
 * Who may call a method. `anonymous`: anybody who reaches the listener. `attested`: only callers whose
 * TLS certificate carried evidence that verified; `refusal` is the text for everybody else.
 */
export type Access = { readonly kind: 'anonymous' } | { readonly kind: 'attested'; readonly refusal: string };

/** Procedure name to rule. A procedure without an entry is refused. */
export type AccessTable = ReadonlyMap<string, Access>;

export const ANONYMOUS: Access = { kind: 'anonymous' };
