import { describe, expect, it } from 'vitest';
import { checkDomain } from '../../src/onboard/domain.js';

describe('the domain of a KMS', () => {
  it.each(['localhost', 'kms.example.com', 'a-b.c', 'KMS.Example', '10.1.2.3', '::1', '2001:db8::1', 'x'.repeat(63), `${'a.'.repeat(126)}a`])('%s is accepted', (domain) => {
    expect(checkDomain(domain)).toBe(domain);
  });

  it.each(['', 'kms_1', '-a', 'a-', 'a..b', 'a.', '.a', 'a b', 'a/b', 'ä.de', 'x'.repeat(64), `${'a.'.repeat(127)}a`, '[::1]', 'fe80::1%eth0', 'a:8000', '*.example', 'a\nb'])('%j is refused', (domain) => {
    expect(() => checkDomain(domain)).toThrowError(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});
