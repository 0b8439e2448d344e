import type { Peer } from './caller.js';

/** Who counts as one peer for a rate limit: an IPv4 address, an IPv6 /64 (what one customer is given), a vsock context, all of a unix socket. */
export function rateLimitKey(peer: Peer): string {
  switch (peer.kind) {
    case 'unix':
      return 'unix';
    case 'vsock':
      return `vsock:${peer.cid}`;
    case 'tcp': {
      const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(peer.address)?.[1];
      if (mapped !== undefined || !peer.address.includes(':')) return mapped ?? peer.address;
      return `${ipv6Network(peer.address)}::/64`;
    }
  }
}

/** Who takes turns with whom in a queue: as above, but on a unix socket each process of each user is one peer. */
export function fairnessKey(peer: Peer): string {
  return peer.kind === 'unix' ? `unix uid=${peer.uid ?? '?'} pid=${peer.pid ?? '?'}` : rateLimitKey(peer);
}

/** First four groups of an IPv6 address as the kernel prints it. */
function ipv6Network(address: string): string {
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  return [...before, ...Array<string>(zeros).fill('0'), ...after].slice(0, 4).join(':');
}
