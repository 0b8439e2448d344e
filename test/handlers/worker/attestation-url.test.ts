import { describe, expect, it } from 'vitest';
import { rateLimitKey } from '../../../src/caller/peer-key.js';

const tcp = (address: string): string => rateLimitKey({ kind: 'tcp', address, port: 1 });

describe('rateLimitKey', () => {
  it('is the address for IPv4, mapped or not, whatever the port', () => {
    expect([tcp('192.0.2.1'), tcp('::ffff:192.0.2.1')]).toEqual(['192.0.2.1', '192.0.2.1']);
    expect(tcp('192.0.2.2')).not.toBe(tcp('192.0.2.1'));
  });

  it.each([
    ['2001:db8:1:2::1', '2001:db8:1:2:3:4:5:6'],
    ['2001:db8::1', '2001:db8:0:0:9:9:9:9'],
    ['::1', '::2'],
    ['fe80::1%eth0', 'fe80::2'],
  ])('is one for %s and %s of the same /64', (a, b) => {
    expect(tcp(a)).toBe(tcp(b));
  });

  it('differs between networks and transports', () => {
    const unix = rateLimitKey({ kind: 'unix', path: '/x', pid: null, uid: null, gid: null });
    const keys = [tcp('2001:db8:1:2::1'), tcp('2001:db8:1:3::1'), unix, rateLimitKey({ kind: 'vsock', cid: 3, port: 1 }), rateLimitKey({ kind: 'vsock', cid: 4, port: 1 })];
    expect(new Set(keys).size).toBe(keys.length);
  });
});
