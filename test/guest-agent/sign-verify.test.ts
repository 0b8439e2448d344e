import { describe, expect, it } from 'vitest';
import { createAppKeyDeriver } from '../../src/guest-agent/derive-key.js';
import { createAppSigner } from '../../src/guest-agent/sign.js';
import { verifySignature } from '../../src/guest-agent/verify.js';
import { bytes, errorCode, fixtureKeys, hex } from './fixture.js';

const signer = createAppSigner(createAppKeyDeriver(fixtureKeys()));
const hello = Buffer.from('hello');
const message = Buffer.from('Test message for signing');
const refusal = errorCode('ServiceError', 'INVALID_ARGUMENT') as Error;

/** spec/prpc.md example 17 and spec/sdk-contract.md section 12.2. */
const VECTORS = [
  ['ed25519', hello, 'ea96b5ca601a622062db4f06159fb33247e6393a64ecc1f576d92b18084f77872bba9c8787269b26ee545e251e08dd6f212ebf630e86b854b906ed945ec6a907', '698f56bd587d8ce3ca8db0e1c361ba9d190089f98dc4d9df800ff92ed073a65d'],
  ['secp256k1', hello, '4c5f038f26c2294e6647926a2f93d9c377d82feb4a053ff0ad856b59c428d49a73d86c665ac0f10d9218e79bf1bdd035d145ccf43c3f2d76a27ce3d877c3b1fe', '036105f01d1fd781568f7c208b087b1c4f522601410ed7e9c7870d573de7c46d54'],
  ['secp256k1', message, '673932366ab5452967919dbb290a20b095e0a65ef35baa7bd47abcc23e37f0dc3f42c80fc1680af6ba57c9cb5bcf08f5d89aa4b6f69c819ef28045b0e0134992', '036105f01d1fd781568f7c208b087b1c4f522601410ed7e9c7870d573de7c46d54'],
  ['ed25519', message, '5d1b901403e9a4a03b4f854d0895abd7289f68381cd1044212c0e0c779493fc4886bfd139e3b8e6bf214d38b2ae15a32708f8f18805061a2079cca1c79288f04', '698f56bd587d8ce3ca8db0e1c361ba9d190089f98dc4d9df800ff92ed073a65d'],
] as const;

describe('createAppSigner', () => {
  it.each(VECTORS)('signs with %s as recorded', (algorithm, data, signature, publicKey) => {
    const signed = signer.sign(algorithm, data);
    expect(hex(signed.signature)).toBe(signature);
    expect(hex(signed.publicKey)).toBe(publicKey);
    expect(signed.signatureChain).toHaveLength(3);
    expect(signed.signatureChain[0]).toEqual(signed.signature);
  });

  it('refuses a digest that is not one, and unknown algorithms', () => {
    expect(() => signer.sign('secp256k1_prehashed', new Uint8Array(31))).toThrow(refusal);
    for (const algorithm of ['', 'rsa', 'ed25519_prehashed']) expect(() => signer.sign(algorithm, hello)).toThrow(refusal);
  });
});

describe('verifySignature', () => {
  it.each(VECTORS)('accepts what %s signed', (algorithm, data, signature, publicKey) => {
    const request = { algorithm, data, signature: bytes(signature), publicKey: bytes(publicKey) };
    expect(verifySignature(request)).toBe(true);
    expect(verifySignature({ ...request, data: Buffer.from('other') })).toBe(false);
  });

  it('accepts what it signed prehashed', () => {
    const { signature, publicKey } = signer.sign('secp256k1_prehashed', new Uint8Array(32).fill(7));
    expect(verifySignature({ algorithm: 'secp256k1_prehashed', data: new Uint8Array(32).fill(7), signature, publicKey })).toBe(true);
  });

  const good = { algorithm: 'secp256k1', data: hello, signature: bytes(VECTORS[1][2]), publicKey: bytes(VECTORS[1][3]) };
  it.each([
    ['algorithm', { algorithm: '' }],
    ['signature length', { signature: good.signature.subarray(1) }],
    ['key length', { publicKey: good.publicKey.subarray(1) }],
    ['key off the curve', { publicKey: Uint8Array.of(2, ...new Uint8Array(32)) }],
    ['digest length', { algorithm: 'secp256k1_prehashed' }],
    ['ed25519 key length', { algorithm: 'ed25519' }],
  ])('refuses a bad %s', (_what, change) => {
    expect(() => verifySignature({ ...good, ...change })).toThrow(refusal);
  });

  it('says false to a high s', () => {
    const n = BigInt('0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141');
    const s = n - BigInt(`0x${hex(good.signature.subarray(32))}`);
    const high = bytes(hex(good.signature.subarray(0, 32)) + s.toString(16).padStart(64, '0'));
    expect(verifySignature({ ...good, signature: high })).toBe(false);
  });
});
