import { isIP } from 'node:net';

/**
 * The 4 or 16 octets of an iPAddress name (RFC 5280 section 4.2.1.6) when `text` is an IPv4 or IPv6 address
 * in its usual notation, null otherwise. An address with a zone is no address: no certificate can carry one.
 */
export function ipAddressBytes(text: string): Uint8Array | null {
  const version = text.includes('%') ? 0 : isIP(text);
  if (version === 4) return Uint8Array.from(text.split('.'), Number);
  if (version !== 6) return null;
  const [head = '', tail] = text.split('::');
  const front = groups(head);
  const back = tail === undefined ? [] : groups(tail);
  const out = new Uint8Array(16);
  out.set(front);
  out.set(back, 16 - back.length);
  return out;
}

/** Octets of colon-separated groups, the last of which may be an IPv4 address. */
function groups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
