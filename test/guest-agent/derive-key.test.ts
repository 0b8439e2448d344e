import { describe, expect, it } from 'vitest';
import { recoverSecp256k1, secp256k1PublicKey } from '../../src/crypto/secp256k1.js';
import { messageDigest, purposeDigest, SIGNED_MESSAGE_PREFIX } from '../../src/crypto/sign-message.js';
import { createAppKeyDeriver, keyPath } from '../../src/guest-agent/derive-key.js';
import { bytes, errorCode, fixtureKeys, hex } from './fixture.js';

const keys = fixtureKeys();
const deriver = createAppKeyDeriver(keys);

/** spec/guest-agent.md section 17 and spec/sdk-contract.md section 12.2. */
const VECTORS = [
  ['test', 'signing', 'secp256k1', '133e8ca6e532ead3e38f00347408771da296e9c70e8e3e362f485154e64ef4e8', 'c2ac442934a10d730c14b553e6b93e4db61aa7afa48b7aa51e649841115d6f4160a29b24a87e0ef4c02e37c10b176913f1449ebb41466fccdc44a6ef5d9b247300'],
  ['test', 'signing', 'ed25519', '133e8ca6e532ead3e38f00347408771da296e9c70e8e3e362f485154e64ef4e8', 'd85afcef55a4be6b46dc03f2644537c6bbf29c1184472aa812012846c8352eaa414ea1d1bc7c4958257bbc19cbb4b1c7b4b1230f6356ccca5ccfd23375240d7801'],
  ['/test/path', 'test-purpose', '', 'b9fbb7171185c421c58610a2acba8ceae93623ae47815618cbad1e98fc042cb7', 'f50c51735a97072f0c98125ed61fc84e2fdb36e95990b9e57337dadc0e2a9712227f04e07209faecb8891d59ec144a6c13e411dc90b3423f28071bd3fe11978d01'],
] as const;

describe('createAppKeyDeriver', () => {
  it.each(VECTORS)('derives %j for purpose %j as %j', (path, purpose, algorithm, key, signature) => {
    const made = deriver.getKey({ path, purpose, algorithm });
    expect(hex(made.key)).toBe(key);
    expect(made.signatureChain.map(hex)).toEqual([signature, hex(keys.k256Signature)]);
  });

  it.each([
    ['', 'aa221ae548b5a8f52fcb8687cfd873712f6a1232b2717e5ee3d58ab74f21905b'],
    ['/', 'f6c1ed94488394d78e0a4e5ab75d62e9f085d73b0b555d0614fb90ca13d9464d'],
    ['vms', '1091a4d6721f6a719ca57320e4975f7e237649131111ee1c5032f661dc1cfef2'],
    ['\0', '45829635da95a8a7bb3e1490d8739e8b529eaf89e8e5a229990cc2a1498ecdb8'],
  ])('takes any path: %j', (path, key) => {
    for (const algorithm of ['', 'secp256k1', 'k256', 'ed25519']) expect(hex(deriver.getKey({ path, purpose: '', algorithm }).key)).toBe(key);
  });

  it('makes a chain a relying party can follow to the KMS root', () => {
    const { key, signatureChain } = deriver.getKey({ path: 'x', purpose: 'p', algorithm: '' });
    const appKey = recoverSecp256k1(signatureChain[0], purposeDigest('p', secp256k1PublicKey(key)));
    expect(hex(appKey)).toBe('02818494263695e8839122dbd88e281d7380622999df4e60a14befa0f2d096fc7c');
    const root = recoverSecp256k1(signatureChain[1], messageDigest(SIGNED_MESSAGE_PREFIX.issuedKey, bytes('5bb4ff9a3837357f19dc176407a5709c62eb6c56'), appKey));
    expect(hex(root)).toBe('0321529e458424ab1f710a3a57ec4dad2fb195ddca572f7469242ba6c7563085b6');
  });

  it('never mixes up path and purpose in what it remembers', () => {
    const a = deriver.getKey({ path: 'a:b', purpose: 'c', algorithm: '' });
    const b = deriver.getKey({ path: 'a', purpose: 'b:c', algorithm: '' });
    expect(hex(a.key)).not.toBe(hex(b.key));
    expect(deriver.getKey({ path: 'a:b', purpose: 'c', algorithm: '' })).toEqual(a);
    const long = 'p'.repeat(2000);
    expect(deriver.getKey({ path: long, purpose: '', algorithm: '' })).toEqual(deriver.getKey({ path: long, purpose: '', algorithm: '' }));
  });

  it('has an empty second signature without a KMS', () => {
    const alone = createAppKeyDeriver({ ...keys, k256Signature: new Uint8Array() });
    expect(alone.getKey({ path: 'a', purpose: '', algorithm: '' }).signatureChain[1]).toHaveLength(0);
  });

  it.each(['rsa', 'secp256k1_prehashed', 'ED25519', ' '])('refuses algorithm %j', (algorithm) => {
    expect(() => deriver.getKey({ path: '', purpose: '', algorithm })).toThrow(errorCode('ServiceError', 'INVALID_ARGUMENT') as Error);
  });
});

describe('keyPath', () => {
  it('takes the path under either name', () => {
    expect([keyPath('a', ''), keyPath('', 'a'), keyPath('a', 'a'), keyPath('', '')]).toEqual(['a', 'a', 'a', '']);
  });
  it('refuses two different ones', () => {
    expect(() => keyPath('a', 'b')).toThrow(errorCode('ServiceError', 'INVALID_ARGUMENT') as Error);
  });
});
