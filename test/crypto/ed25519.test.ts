import { randomBytes } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import { describe, expect, it } from 'vitest';
import { ed25519Key, verifyEd25519 } from '../../src/crypto/ed25519.js';
import { KeyMaterialError } from '../../src/crypto/key-error.js';
import { ascii, fill, hex, thrownBy, toHex } from './bytes.js';

// Path "vms" of the simulator's app key (spec/guest-agent.md section 17, spec/sdk-contract.md section 12.2).
const SEED = hex('1091a4d6721f6a719ca57320e4975f7e237649131111ee1c5032f661dc1cfef2');
const PUBLIC = hex('698f56bd587d8ce3ca8db0e1c361ba9d190089f98dc4d9df800ff92ed073a65d');
const HELLO = hex('ea96b5ca601a622062db4f06159fb33247e6393a64ecc1f576d92b18084f77872bba9c8787269b26ee545e251e08dd6f212ebf630e86b854b906ed945ec6a907');

describe('ed25519Key', () => {
  it('has the recorded public keys', () => {
    expect(toHex(ed25519Key(SEED).publicKey)).toBe(toHex(PUBLIC));
    expect(toHex(ed25519Key(hex('133e8ca6e532ead3e38f00347408771da296e9c70e8e3e362f485154e64ef4e8')).publicKey)).toBe('1cbb894af8792a8f6e1e9d58ae2a37364fd8e8378ce9d2300fab933b58aaa6cb');
  });

  it('makes the recorded signatures', () => {
    const key = ed25519Key(SEED);
    expect(toHex(key.sign(ascii('hello')))).toBe(toHex(HELLO));
    expect(toHex(key.sign(ascii('')))).toBe('f5b2f85677c2c9d684de77d0acfee44373b6bbaf4fe38ebaf46591c90decbce854f478b56868d140ffcc05f5259fd5615e1b130a728ab2b2785849885693640a');
    expect(toHex(key.sign(ascii('Test message for signing')))).toBe('5d1b901403e9a4a03b4f854d0895abd7289f68381cd1044212c0e0c779493fc4886bfd139e3b8e6bf214d38b2ae15a32708f8f18805061a2079cca1c79288f04');
  });

  it('agrees with a second implementation', () => {
    for (let i = 0; i < 10; i++) {
      const seed = randomBytes(32);
      expect(ed25519Key(seed).publicKey).toEqual(ed25519.getPublicKey(seed));
    }
  });

  it.each([0, 31, 33])('refuses a seed of %d bytes', (length) => {
    expect(thrownBy(() => ed25519Key(fill(length, 1)))).toMatchObject({ constructor: KeyMaterialError, code: 'PRIVATE_KEY_INVALID' });
  });
});

describe('verifyEd25519', () => {
  it('tells right from wrong', () => {
    expect(verifyEd25519(HELLO, ascii('hello'), PUBLIC)).toBe(true);
    expect(verifyEd25519(HELLO, ascii('hullo'), PUBLIC)).toBe(false);
    expect(verifyEd25519(Uint8Array.of(...HELLO.subarray(0, 63), 0), ascii('hello'), PUBLIC)).toBe(false);
    expect(verifyEd25519(fill(64, 0xff), ascii('hello'), PUBLIC)).toBe(false);
  });

  it('takes y modulo p: a key of all ones is a point, and the recorded answer is false', () => {
    expect(verifyEd25519(HELLO, ascii('hello'), fill(32, 0xff))).toBe(false);
  });

  it('refuses keys that are no point', () => {
    for (const key of [fill(31, 1), fill(33, 1), new Uint8Array(0), hex('02'.padEnd(64, '0'))]) {
      expect(thrownBy(() => verifyEd25519(HELLO, ascii('hello'), key))).toMatchObject({ constructor: KeyMaterialError, code: 'PUBLIC_KEY_INVALID' });
    }
  });

  it.each([0, 1, 63, 65])('refuses a signature of %d bytes', (length) => {
    expect(thrownBy(() => verifyEd25519(fill(length, 1), ascii('hello'), PUBLIC))).toMatchObject({ constructor: KeyMaterialError, code: 'SIGNATURE_MALFORMED' });
  });
});
