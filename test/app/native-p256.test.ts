import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { useNativeP256 } from '../../src/app/native-p256.js';
import { type EcdsaSignature, importP256With, P256PublicKey, throughNode } from '../../src/crypto/p256-public-key.js';
import type { NativeBinding, NativeP256Key } from '../../src/native/binding.js';
import { loadNative } from '../../src/native/loader.js';

const ORDER = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');
const FIELD = Buffer.from('ffffffff00000001000000000000000000000000ffffffffffffffffffffffff', 'hex');
const message = Buffer.from('what was signed');

const coordinatesOf = (key: KeyObject): Uint8Array => new Uint8Array(key.export({ format: 'der', type: 'spki' }).subarray(27));
const raw = (bytes: Uint8Array): EcdsaSignature => ({ bytes, encoding: 'ieee-p1363' });
const der = (bytes: Uint8Array): EcdsaSignature => ({ bytes, encoding: 'der' });

/** The same key as either verifies with it. */
function both(coordinates: Uint8Array): readonly [native: P256PublicKey | null, node: P256PublicKey | null] {
  if (!useNativeP256()) throw new Error('the addon verifies nothing here');
  const native = P256PublicKey.from(coordinates);
  importP256With(throughNode);
  return [native, P256PublicKey.from(coordinates)];
}

const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const [native, node] = both(coordinatesOf(pair.publicKey));
const signed = (encoding: 'der' | 'ieee-p1363', hash = 'sha256'): Uint8Array => new Uint8Array(sign(hash, message, { key: pair.privateKey, dsaEncoding: encoding }));

/** (r, n - s): as good as (r, s). */
function otherForm(rs: Uint8Array): Uint8Array {
  const s = (BigInt(`0x${ORDER.toString('hex')}`) - BigInt(`0x${Buffer.from(rs.subarray(32)).toString('hex')}`)).toString(16).padStart(64, '0');
  return Buffer.concat([rs.subarray(0, 32), Buffer.from(s, 'hex')]);
}

const rs = signed('ieee-p1363');
const sequence = signed('der');
const half = (r: Uint8Array, s: Uint8Array): EcdsaSignature => raw(Buffer.concat([r, s]));
const ZERO = Buffer.alloc(32);

const CASES: readonly (readonly [name: string, signature: EcdsaSignature, good: boolean])[] = [
  ['r‖s', raw(rs), true],
  ['DER', der(sequence), true],
  ['the second form of s', raw(otherForm(rs)), true],
  ['r‖s said to be DER', der(rs), false],
  ['DER said to be r‖s', raw(sequence), false],
  ['r of zero', half(ZERO, rs.subarray(32)), false],
  ['s of zero', half(rs.subarray(0, 32), ZERO), false],
  ['nothing but zeros', raw(Buffer.alloc(64)), false],
  ['r of the order', half(ORDER, rs.subarray(32)), false],
  ['s of the order', half(rs.subarray(0, 32), ORDER), false],
  ['nothing but ones', raw(Buffer.alloc(64, 0xff)), false],
  ['no bytes', raw(new Uint8Array()), false],
  ['no DER', der(new Uint8Array()), false],
  ['63 bytes', raw(rs.subarray(1)), false],
  ['65 bytes', raw(Buffer.concat([ZERO.subarray(0, 1), rs])), false],
  ['a byte behind the DER', der(Buffer.concat([sequence, ZERO.subarray(0, 1)])), false],
  ['a byte missing of the DER', der(sequence.subarray(0, -1)), false],
  ['a longer form of the length', der(Buffer.concat([sequence.subarray(0, 1), Uint8Array.of(0x81), sequence.subarray(1)])), false],
  ['more DER than a signature can have', der(Buffer.concat([sequence, Buffer.alloc(4096)])), false],
];

afterAll(() => useNativeP256());

describe('the addon and node:crypto say the same', () => {
  test.each(CASES)('about %s', (_, signature, good) => {
    expect([native, node].map((key) => key?.verify('sha256', message, signature))).toEqual([good, good]);
    expect([native, node].map((key) => key?.verify('sha256', Buffer.from('something else'), signature))).toEqual([false, false]);
  });

  test('about SHA-384, of which the curve takes 256 bits', () => {
    for (const encoding of ['der', 'ieee-p1363'] as const) {
      const signature = { bytes: signed(encoding, 'sha384'), encoding };
      expect([native, node].map((key) => key?.verify('sha384', message, signature))).toEqual([true, true]);
      expect([native, node].map((key) => key?.verify('sha256', message, signature))).toEqual([false, false]);
    }
  });

  test('about signatures with any one bit flipped', () => {
    for (const [bytes, encoding] of [[rs, 'ieee-p1363'], [sequence, 'der']] as const) {
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const flipped = Uint8Array.from(bytes);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const answers = [native, node].map((key) => key?.verify('sha256', message, { bytes: flipped, encoding }));
        expect(answers, `bit ${bit} of ${encoding}`).toEqual([false, false]);
      }
    }
  });

  test('about other keys, and signatures that begin with zeros', () => {
    for (let i = 0; i < 300; i++) {
      const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const [mine, theirs] = both(coordinatesOf(other.publicKey));
      const given = randomBytes(i);
      for (const encoding of ['der', 'ieee-p1363'] as const) {
        const signature = { bytes: new Uint8Array(sign('sha256', given, { key: other.privateKey, dsaEncoding: encoding })), encoding };
        expect([mine, theirs].map((key) => key?.verify('sha256', given, signature))).toEqual([true, true]);
        expect([native, node].map((key) => key?.verify('sha256', given, signature))).toEqual([false, false]);
      }
    }
  });

  test('about points that are none', () => {
    const good = coordinatesOf(pair.publicKey);
    const x = good.subarray(0, 32);
    const points = [new Uint8Array(64), Buffer.alloc(64, 0xff), Buffer.concat([x, x]), Buffer.concat([FIELD, good.subarray(32)]), Buffer.concat([x, FIELD]), good.subarray(1), Buffer.concat([good, ZERO])];
    for (let change = 1; change < 256; change++) {
      const off = Uint8Array.from(good);
      off[63] = (off[63] ?? 0) ^ change;
      points.push(off);
    }
    for (const point of points) expect(both(point)).toEqual([null, null]);
  });

  test('and a refused one leaves node:crypto as it was', () => {
    native?.verify('sha256', message, der(Uint8Array.of(1, 2, 3)));
    expect(both(new Uint8Array(64))).toEqual([null, null]);
    expect(createPrivateKey(pair.privateKey.export({ format: 'pem', type: 'pkcs8' })).type).toBe('private');
    expect(createHash('sha256').update(message).digest()).toHaveLength(32);
    expect(() => createPrivateKey('nothing')).toThrow(/DECODER|unsupported/);
  });
});

describe('the addon is used', () => {
  const binding = (key: Partial<NativeP256Key>): NativeBinding => ({
    ...loadNative(),
    p256PublicKey: () => ({ verify: () => true, verifyRaw: () => true, ...key }),
  });
  const absent = (): never => {
    throw new Error('no addon');
  };

  test('where it gives the known answers', () => {
    expect(useNativeP256()).toBe(true);
  });

  test.each([
    ['there is none', absent],
    ['the process has another OpenSSL', () => ({ ...binding({}), p256PublicKey: absent })],
    ['it finds every signature good', () => binding({})],
    ['it finds none good', () => binding({ verifyRaw: () => false })],
    ['it fails', () => binding({ verifyRaw: absent })],
  ])('not where %s', (_, load) => {
    importP256With(throughNode);
    expect(useNativeP256(load)).toBe(false);
    expect(P256PublicKey.from(coordinatesOf(pair.publicKey))?.verify('sha256', Buffer.from('x'), raw(rs))).toBe(false);
    expect(P256PublicKey.from(coordinatesOf(pair.publicKey))?.verify('sha256', message, raw(rs))).toBe(true);
  });
});
