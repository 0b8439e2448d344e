import { hkdfSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hkdfSha256 } from '../../src/crypto/hkdf.js';
import { ascii, fill, hex, toHex } from './bytes.js';
import { KMS, SIMULATOR_K256 } from './kms-vectors.js';

describe('hkdfSha256', () => {
  it.each([
    ['test', '133e8ca6e532ead3e38f00347408771da296e9c70e8e3e362f485154e64ef4e8'],
    ['', 'aa221ae548b5a8f52fcb8687cfd873712f6a1232b2717e5ee3d58ab74f21905b'],
    ['vms', '1091a4d6721f6a719ca57320e4975f7e237649131111ee1c5032f661dc1cfef2'],
    ['/test/path', 'b9fbb7171185c421c58610a2acba8ceae93623ae47815618cbad1e98fc042cb7'],
    ['/', 'f6c1ed94488394d78e0a4e5ab75d62e9f085d73b0b555d0614fb90ca13d9464d'],
  ])('derives the recorded app key of path %j', (path, key) => {
    expect(toHex(hkdfSha256(SIMULATOR_K256, [ascii(path)]))).toBe(key);
  });

  it('derives the secp256k1 key of an app', () => {
    expect(toHex(hkdfSha256(KMS.k256Scalar, [KMS.appId, ascii('app-key')]))).toBe('886c2788dd4da286d0608e73f6b5aa7a245095f790b9a862afcdc979b85d8093');
  });

  it.each([
    [fill(32, 0), ['app-k256-key'], '9ee4da4389cd62a9917f8e03224c07ff28d1c74b01e0e2ac7229cfb7e1a24a1d'],
    [fill(32, 0), ['app-key'], '9151282b1808889153896e1440d2195cdb5aedb651472ca0e0cec091a8b78416'],
    [fill(32, 1), ['app-k256-key'], '61663e7d32b5e46ee335344074870e40808c8ae571956b8f1e902191149c53f2'],
    [fill(32, 1), ['app-key'], 'af08f4ec59ead52d7622ee022d3e6bdb204a33c67e7bd4a2d2951c6f28444cc4'],
  ])('derives the keys of a seed without a KMS', (seed, contexts, key) => {
    expect(toHex(hkdfSha256(seed, contexts.map(ascii)))).toBe(key);
  });

  it('concatenates contexts without separators', () => {
    expect(hkdfSha256(KMS.rootScalar, [ascii('ab'), ascii('c')])).toEqual(hkdfSha256(KMS.rootScalar, [ascii('a'), ascii('bc')]));
    expect(hkdfSha256(KMS.rootScalar, [ascii('ab'), ascii('c')])).not.toEqual(hkdfSha256(KMS.rootScalar, [ascii('ab'), ascii('d')]));
  });

  it('agrees with the platform for every length and info', () => {
    const bytes = fc.uint8Array({ maxLength: 100 });
    fc.assert(
      fc.property(bytes, fc.array(bytes, { maxLength: 4 }), fc.integer({ min: 1, max: 200 }), (ikm, contexts, length) => {
        const expected = hkdfSync('sha256', ikm, 'RATLS', Buffer.concat(contexts), length);
        expect(hkdfSha256(ikm, contexts, length)).toEqual(new Uint8Array(expected));
      }),
      { numRuns: 200 },
    );
  });

  it.each([0, -1, 1.5, 8161, Number.NaN])('refuses length %d', (length) => {
    expect(() => hkdfSha256(hex('00'), [], length)).toThrow(RangeError);
  });
});
