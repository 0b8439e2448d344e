import { isUtf8 } from 'node:buffer';

const PERCENT = 0x25;
const PLUS = 0x2b;

/**
 * Undoes percent-encoding. An escape without two hex digits stands for itself, as in the URL standard
 * (https://url.spec.whatwg.org/#percent-decode). Returns null when the result is not UTF-8.
 */
export function percentDecode(text: string, options: { readonly plusIsSpace: boolean }): string | null {
  if (!text.includes('%')) return options.plusIsSpace && text.includes('+') ? text.replaceAll('+', ' ') : text;
  const bytes = percentDecodeBytes(text, options);
  return isUtf8(bytes) ? bytes.toString('utf8') : null;
}

/** The same, as bytes that may or may not be UTF-8. */
export function percentDecodeBytes(text: string, options: { readonly plusIsSpace: boolean }): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    const escaped = byte === PERCENT ? pair(bytes, at + 1) : null;
    if (escaped !== null) at += 2;
    bytes[length++] = escaped ?? (byte === PLUS && options.plusIsSpace ? 0x20 : byte);
  }
  return bytes.subarray(0, length);
}

function pair(bytes: Buffer, at: number): number | null {
  const high = nibble(bytes[at]);
  const low = nibble(bytes[at + 1]);
  return high === null || low === null ? null : (high << 4) | low;
}

function nibble(byte: number | undefined): number | null {
  if (byte === undefined) return null;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : null;
}
