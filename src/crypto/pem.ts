import { DstackError } from '../errors/base.js';

/** Text that is not the PEM (RFC 7468) it should be, or holds more blocks than allowed. */
export class PemError extends DstackError<'PEM_MALFORMED'> {
  constructor(message: string) {
    super('PEM_MALFORMED', message);
  }
}

/** One PEM block: LF line ends, 64 columns, a trailing newline. `label` is e.g. "CERTIFICATE". */
export function encodePem(label: string, der: Uint8Array): string {
  const base64 = Buffer.from(der.buffer, der.byteOffset, der.length).toString('base64');
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.map((line) => `${line}\n`).join('')}-----END ${label}-----\n`;
}

/**
 * Contents of the blocks labelled `label`, in order. Text around the blocks, and blocks of other labels,
 * are passed over as every PEM reader does; the blocks themselves are read strictly.
 * @throws PemError when there is none, more than `maxCount`, or one is not well-formed.
 */
export function decodePem(text: string, label: string, maxCount: number): Uint8Array[] {
  const begin = `-----BEGIN ${label}-----`;
  const end = `-----END ${label}-----`;
  const found: Uint8Array[] = [];
  for (let at = text.indexOf(begin); at >= 0; at = text.indexOf(begin, at)) {
    if (found.length >= maxCount) throw new PemError(`more than ${maxCount} ${label} blocks`);
    const close = text.indexOf(end, at);
    if (close < 0) throw new PemError(`${label} block without an end`);
    const der = strictBase64(text.slice(at + begin.length, close));
    if (der === null) throw new PemError(`${label} block is not base64`);
    found.push(der);
    at = close + end.length;
  }
  if (found.length === 0) throw new PemError(`no ${label} block`);
  return found;
}

/** The bytes of base64 text with white space in it, or null unless that is their one encoding. */
function strictBase64(text: string): Uint8Array | null {
  const lines = text.replaceAll('\n', '');
  return canonicalBase64(lines) ?? canonicalBase64(lines.replaceAll(/[ \t\r]/g, ''));
}

function canonicalBase64(text: string): Uint8Array | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.length > 0 && bytes.toString('base64') === text ? new Uint8Array(bytes) : null;
}
