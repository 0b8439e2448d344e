import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { importSpki } from '../../src/x509/public-key.js';
import { P256PublicKey } from '../../src/crypto/p256-public-key.js';

const code = (expected: string) => expect.objectContaining({ name: 'VerificationError', code: expected });

describe.each(['P-256', 'P-384', 'P-521'])('a key on %s', (namedCurve) => {
  const spki = new Uint8Array(generateKeyPairSync('ec', { namedCurve }).publicKey.export({ format: 'der', type: 'spki' }));

  test('is imported as it is, or not at all', () => {
    if (namedCurve === 'P-521') expect(() => importSpki(spki)).toThrow(code('PUBLIC_KEY_UNSUPPORTED'));
    else {
      const key = importSpki(spki);
      if (key instanceof P256PublicKey) expect([namedCurve, Buffer.from(key.coordinates)]).toEqual(['P-256', Buffer.from(spki.subarray(27))]);
      else expect([namedCurve, key.equals(createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }))]).toEqual(['P-384', true]);
    }
  });

  test('is refused with any other last byte: its point is not on the curve', () => {
    for (let change = 1; change < 256; change++) {
      const other = spki.slice();
      other[other.length - 1] = (other.at(-1) ?? 0) ^ change;
      expect(() => importSpki(other)).toThrow(code('PUBLIC_KEY_UNSUPPORTED'));
    }
  });

  test('is refused with coordinates beyond the field, at infinity or compressed', () => {
    const size = { 'P-256': 32, 'P-384': 48 }[namedCurve] ?? 66;
    const at = spki.length - 2 * size;
    const beyond = spki.slice().fill(0xff, at);
    const zero = spki.slice().fill(0, at);
    const compressed = spki.slice();
    compressed[at - 1] = 2;
    for (const other of [beyond, zero, compressed]) expect(() => importSpki(other)).toThrow(code('PUBLIC_KEY_UNSUPPORTED'));
  });
});
