import { randomBytes } from 'node:crypto';
import { x25519 } from '@noble/curves/ed25519.js';
import { describe, expect, it } from 'vitest';
import { KeyMaterialError } from '../../src/crypto/key-error.js';
import { x25519PublicKey } from '../../src/crypto/x25519.js';
import { fill, hex, thrownBy, toHex } from './bytes.js';

describe('x25519PublicKey', () => {
  it('has the public key of the specification, the secret being stored unclamped', () => {
    expect(toHex(x25519PublicKey(hex('a7470db8cfdd0fe24134b461d60766afa7c078abe6dce9f2c8a5c44034ca400e')))).toBe('93cf259f68b24775d54290a8ea57cf93efc994d3ff28a7b8ba7a39e9f512302f');
  });

  it('agrees with a second implementation', () => {
    for (let i = 0; i < 10; i++) {
      const secret = randomBytes(32);
      expect(x25519PublicKey(secret)).toEqual(x25519.getPublicKey(secret));
    }
  });

  it('refuses another length', () => {
    expect(thrownBy(() => x25519PublicKey(fill(31, 1)))).toMatchObject({ constructor: KeyMaterialError, code: 'PRIVATE_KEY_INVALID' });
  });
});
