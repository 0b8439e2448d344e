import { keccak_256 } from '@noble/hashes/sha3.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keccak256, prepareKeccak256 } from '../../src/crypto/keccak.js';
import { ascii, toHex } from './bytes.js';

// Published vectors of original Keccak-256: the empty string and "abc".
const VECTORS = [
  ['', 'c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470'],
  ['abc', '4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45'],
] as const;

describe('keccak256', () => {
  it('is right before and after it is made fast, and never hands out its working memory', async () => {
    for (const [message, digest] of VECTORS) expect(toHex(keccak256(ascii(message)))).toBe(digest);
    await prepareKeccak256();
    const first = keccak256(ascii('abc'));
    for (const [message, digest] of VECTORS) expect(toHex(keccak256(ascii(message)))).toBe(digest);
    expect(toHex(first)).toBe(VECTORS[1][1]);
  });

  it('gives the same digests either way', async () => {
    await prepareKeccak256();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (message) => {
        expect(toHex(keccak256(message))).toBe(toHex(keccak_256(message)));
      }),
      { numRuns: 200 },
    );
  });
});
