import { describe, expect, it } from 'vitest';
import { isListed } from '../../src/outbound/host-list.js';

describe('hosts that URLs in certificates may name', () => {
  it.each<[string, boolean]>([
    ['http://crl.example/list', true],
    ['https://crl.example/list', true],
    ['https://CRL.EXAMPLE/list', true],
    ['http://crl.example:80/list', true],
    ['http://crl.example:8080/list', false],
    ['http://crl.example.evil/list', false],
    ['http://evilcrl.example/list', false],
    ['http://a.crl.example/list', false],
    ['http://127.0.0.1:9000/x', true],
    ['http://127.0.0.1/x', false],
    ['http://bucket.storage.example/x', true],
    ['http://a.b.storage.example/x', true],
    ['http://storage.example/x', false],
    ['http://.storage.example/x', false],
    ['http://evilstorage.example/x', false],
    ['http://bucket.storage.example:8080/x', false],
    ['http://user@crl.example/list', false],
    ['http://user:secret@crl.example/list', false],
    ['http://crl.example@evil.example/list', false],
    ['http://evil.example/crl.example', false],
    ['ftp://crl.example/list', false],
    ['file:///etc/passwd', false],
    ['ldap://crl.example/list', false],
    ['crl.example', false],
    ['', false],
  ])('%s: %s', (url, expected) => {
    expect(isListed(url, ['crl.example', '127.0.0.1:9000', '*.storage.example'])).toBe(expected);
  });

  it('are none when none are configured', () => {
    expect(isListed('https://crl.example/', [])).toBe(false);
  });
});
