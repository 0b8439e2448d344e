/** Validity of a certificate in unix seconds, both ends included. */
export interface Validity {
  readonly notBefore: number;
  readonly notAfter: number;
}

const NOT_BEFORE_1975 = 157_766_400;
const LIFETIME_SECONDS = 3650 * 86_400;

/** 1975-01-01 to 3650 days after `now` (unix seconds), whole seconds (spec/kms.md section 5). */
export function defaultValidity(now: number): Validity {
  return { notBefore: NOT_BEFORE_1975, notAfter: Math.floor(now) + LIFETIME_SECONDS };
}
