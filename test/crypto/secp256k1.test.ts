import { createHash } from 'node:crypto';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyMaterialError } from '../../src/crypto/key-error.js';
import { isSecp256k1Scalar, recoverSecp256k1, secp256k1PublicKey, signSecp256k1, signSecp256k1Recoverable, verifySecp256k1 } from '../../src/crypto/secp256k1.js';
import { ascii, fill, hex, thrownBy, toHex } from './bytes.js';
import { KMS } from './kms-vectors.js';

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const bytes32 = (value: bigint): Uint8Array => hex(value.toString(16).padStart(64, '0'));
const sha256 = (text: string): Uint8Array => createHash('sha256').update(text).digest();
const withS = (signature: Uint8Array, s: bigint): Uint8Array => Uint8Array.of(...signature.subarray(0, 32), ...bytes32(s));
const sOf = (signature: Uint8Array): bigint => BigInt(`0x${toHex(signature.subarray(32, 64))}`);

// Path "vms" of the simulator's app key (spec/guest-agent.md section 17).
const SCALAR = hex('1091a4d6721f6a719ca57320e4975f7e237649131111ee1c5032f661dc1cfef2');
const PUBLIC = hex('036105f01d1fd781568f7c208b087b1c4f522601410ed7e9c7870d573de7c46d54');
const HELLO = hex('4c5f038f26c2294e6647926a2f93d9c377d82feb4a053ff0ad856b59c428d49a73d86c665ac0f10d9218e79bf1bdd035d145ccf43c3f2d76a27ce3d877c3b1fe');

describe('secp256k1', () => {
  it('derives recorded public keys', () => {
    expect(toHex(secp256k1PublicKey(SCALAR))).toBe(toHex(PUBLIC));
    expect(toHex(secp256k1PublicKey(KMS.k256Scalar))).toBe(KMS.k256Public);
  });

  it('makes the recorded signatures', () => {
    expect(toHex(signSecp256k1(sha256('hello'), SCALAR))).toBe(toHex(HELLO));
    expect(toHex(signSecp256k1(sha256('Test message for signing'), SCALAR))).toBe('673932366ab5452967919dbb290a20b095e0a65ef35baa7bd47abcc23e37f0dc3f42c80fc1680af6ba57c9cb5bcf08f5d89aa4b6f69c819ef28045b0e0134992');
    expect(toHex(signSecp256k1(fill(32, 0), SCALAR))).toBe('0a21ec5e700298d7ff804cb24c93c178b1a6c834aec2f7d4b065a22862dc8e6730c5f27e477900918b613e249098f9560afc507189174b91df081767e7efb355');
  });

  it('agrees with a second implementation, with low s, and recovers the key', () => {
    const scalar = fc.uint8Array({ minLength: 32, maxLength: 32 }).filter((key) => secp256k1.utils.isValidSecretKey(key));
    fc.assert(
      fc.property(scalar, fc.uint8Array({ minLength: 32, maxLength: 32 }), (key, digest) => {
        const signature = signSecp256k1Recoverable(digest, key);
        expect(toHex(signature.subarray(0, 64))).toBe(toHex(secp256k1.sign(digest, key, { prehash: false, lowS: true })));
        expect(signature[64]).toBeLessThan(2);
        expect(sOf(signature)).toBeLessThanOrEqual(ORDER / 2n);
        expect(recoverSecp256k1(signature, digest)).toEqual(secp256k1PublicKey(key));
      }),
      { numRuns: 25 },
    );
  });

  it.each([
    [1n, true],
    [ORDER - 1n, true],
    [0n, false],
    [ORDER, false],
    [ORDER + 1n, false],
  ])('knows the scalar range: %d', (value, valid) => {
    expect(isSecp256k1Scalar(bytes32(value))).toBe(valid);
  });

  it('refuses scalars and digests of the wrong kind', () => {
    expect(isSecp256k1Scalar(fill(31, 1))).toBe(false);
    for (const run of [() => secp256k1PublicKey(fill(32, 0)), () => signSecp256k1(fill(32, 1), fill(33, 1)), () => signSecp256k1Recoverable(fill(32, 1), fill(32, 0xff))]) {
      expect(thrownBy(run)).toMatchObject({ constructor: KeyMaterialError, code: 'PRIVATE_KEY_INVALID' });
    }
    for (const run of [() => signSecp256k1(fill(31, 1), SCALAR), () => verifySecp256k1(HELLO, fill(33, 1), PUBLIC), () => recoverSecp256k1(fill(65, 1), fill(0, 0))]) {
      expect(thrownBy(run)).toMatchObject({ constructor: KeyMaterialError, code: 'DIGEST_LENGTH_INVALID' });
    }
  });
});

describe('verifySecp256k1', () => {
  const digest = sha256('hello');

  it('accepts the compressed and the uncompressed key', () => {
    expect(verifySecp256k1(HELLO, digest, PUBLIC)).toBe(true);
    expect(verifySecp256k1(HELLO, digest, secp256k1.getPublicKey(SCALAR, false))).toBe(true);
  });

  it('is false for another message, and for the same signature with a high s', () => {
    expect(verifySecp256k1(HELLO, sha256('hullo'), PUBLIC)).toBe(false);
    expect(verifySecp256k1(withS(HELLO, ORDER - sOf(HELLO)), digest, PUBLIC)).toBe(false);
  });

  it('refuses signatures that are none', () => {
    const wrong = [HELLO.subarray(0, 63), Uint8Array.of(...HELLO, 0), fill(64, 0xff), withS(HELLO, 0n), withS(HELLO, ORDER), fill(64, 0), new Uint8Array(0)];
    for (const signature of wrong) {
      expect(thrownBy(() => verifySecp256k1(signature, digest, PUBLIC))).toMatchObject({ constructor: KeyMaterialError, code: 'SIGNATURE_MALFORMED' });
    }
  });

  it('refuses keys that are none, the hybrid form too', () => {
    const hybrid = secp256k1.getPublicKey(SCALAR, false);
    hybrid[0] = 6 | ((hybrid[64] ?? 0) & 1);
    const wrong = [new Uint8Array(0), PUBLIC.subarray(0, 32), hex(`02${'00'.repeat(32)}`), hybrid, fill(65, 4), hex(`05${toHex(PUBLIC).slice(2)}`)];
    for (const key of wrong) expect(thrownBy(() => verifySecp256k1(HELLO, digest, key))).toMatchObject({ constructor: KeyMaterialError, code: 'PUBLIC_KEY_INVALID' });
  });
});

describe('recoverSecp256k1', () => {
  it('refuses what no key can have made', () => {
    for (const signature of [fill(64, 1), Uint8Array.of(...HELLO, 4), fill(65, 0), Uint8Array.of(...fill(64, 0xff), 0), ascii('')]) {
      expect(thrownBy(() => recoverSecp256k1(signature, sha256('hello')))).toMatchObject({ constructor: KeyMaterialError, code: 'SIGNATURE_MALFORMED' });
    }
  });
});
