/** What an escape stands for and where it ends, or why it is none and where that was noticed. */
export type Escape = { readonly value: string; readonly end: number } | { readonly fault: string; readonly end: number };

const SIMPLE: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/**
 * Reads the escape sequence of a JSON string at the backslash `at` (RFC 8259 section 7). Surrogates have to
 * come in pairs: a lone one has no UTF-8 form and could not be told from another name later.
 */
export function readEscape(text: string, at: number): Escape {
  const letter = text.charAt(at + 1);
  if (letter === '') return { fault: 'EOF while parsing a string', end: at + 1 };
  if (letter !== 'u') {
    const value = Object.hasOwn(SIMPLE, letter) ? SIMPLE[letter] : undefined;
    return value === undefined ? { fault: 'invalid escape', end: at + 2 } : { value, end: at + 2 };
  }
  const first = unit(text, at + 2);
  if (first === null) return badDigits(text, at + 2);
  if (first < 0xd800 || first > 0xdfff) return { value: String.fromCharCode(first), end: at + 6 };
  if (first >= 0xdc00) return { fault: 'lone leading surrogate in hex escape', end: at + 6 };
  if (!text.startsWith('\\u', at + 6)) return { fault: 'unexpected end of hex escape', end: at + 6 };
  const second = unit(text, at + 8);
  if (second === null) return badDigits(text, at + 8);
  if (second < 0xdc00 || second > 0xdfff) return { fault: 'lone leading surrogate in hex escape', end: at + 12 };
  return { value: String.fromCharCode(first, second), end: at + 12 };
}

function badDigits(text: string, at: number): Escape {
  if (at + 4 > text.length) return { fault: 'EOF while parsing a string', end: text.length };
  return { fault: 'invalid escape', end: at + 4 };
}

function unit(text: string, at: number): number | null {
  const digits = text.slice(at, at + 4);
  return /^[0-9a-fA-F]{4}$/.test(digits) ? Number.parseInt(digits, 16) : null;
}
