/** True when all three have the same length and `actual` equals `expected` in every bit of `mask`. */
export function maskedEqual(actual: Uint8Array, expected: Uint8Array, mask: Uint8Array): boolean {
  if (actual.length !== mask.length || expected.length !== mask.length) return false;
  return mask.every((bits, i) => (((actual[i] ?? 0) ^ (expected[i] ?? 0)) & bits) === 0);
}

/** True when both have the same bytes. Nothing compared with it is secret. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

export function isAllZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
