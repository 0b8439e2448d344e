import { describe, expect, it } from 'vitest';
import { keyNameBytes } from '../../src/kms/key-name.js';

describe('a key name', () => {
  it.each(['a', 'my-api-key', 'wallet/ethereum', ' ', 'ключ', '🔑', 'x'.repeat(256), 'é'.repeat(128)])('%j is its UTF-8 bytes', (name) => {
    expect(Buffer.from(keyNameBytes(name)).toString('utf8')).toBe(name);
  });

  it.each(['', 'x'.repeat(257), 'é'.repeat(129), '\u0000', 'a\tb', 'a\r\nb', '\u007f', '\u0085', '\ud800', 'a\udc00'])('%j is none', (name) => {
    expect(() => keyNameBytes(name)).toThrowError(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});
