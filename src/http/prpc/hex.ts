/** Hex text that is not hex; `message` is the text the existing services give. */
export interface HexFault {
  readonly message: string;
}

const NIBBLES = new Int8Array(128).fill(-1);
for (let value = 0; value < 16; value++) {
  const digit = value.toString(16);
  NIBBLES[digit.charCodeAt(0)] = value;
  NIBBLES[digit.toUpperCase().charCodeAt(0)] = value;
}

/**
 * Decodes the hex form of `bytes` fields (spec/prpc.md section 4): every leading lower-case `0x` is
 * dropped, then digits of either case. Any length; `""` and `"0x"` are zero bytes.
 */
export function decodeHex(text: string): Uint8Array | HexFault {
  let start = 0;
  while (text.charCodeAt(start) === 0x30 && text.charCodeAt(start + 1) === 0x78) start += 2;
  const digits = text.length - start;
  if (digits % 2 !== 0) return faultOf(text.slice(start));
  const bytes = new Uint8Array(digits / 2);
  for (let i = 0, at = start; i < bytes.length; i++, at += 2) {
    // Characters beyond ASCII read as undefined and fail like any other non-digit.
    const high = NIBBLES[text.charCodeAt(at)] ?? -1;
    const low = NIBBLES[text.charCodeAt(at + 1)] ?? -1;
    if ((high | low) < 0) return faultOf(text.slice(start));
    bytes[i] = (high << 4) | low;
  }
  return bytes;
}

/** Lower-case hex without prefix. */
export function encodeHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** Lengths and positions are those of the UTF-8 bytes, as the existing services count them. */
function faultOf(stripped: string): HexFault {
  const bytes = Buffer.from(stripped, 'utf8');
  if (bytes.length % 2 !== 0) return { message: 'Odd number of digits' };
  const at = bytes.findIndex((byte) => (NIBBLES[byte] ?? -1) < 0);
  return { message: `Invalid character ${quoted(bytes[at] ?? 0)} at position ${at}` };
}

function quoted(byte: number): string {
  const character = String.fromCharCode(byte);
  if (character === "'") return "'\\''";
  if (byte >= 0x20 && byte !== 0x7f) return `'${character === '\\' ? '\\\\' : character}'`;
  return `'\\u{${byte.toString(16)}}'`;
}
