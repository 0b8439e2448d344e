import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { KeyMaterialError } from '../../src/crypto/key-error.js';
import { recoverSecp256k1 } from '../../src/crypto/secp256k1.js';
import {
  K256Key,
  messageDigest,
  purposeDigest,
  SIGNED_MESSAGE_PREFIX,
  signMessage,
  signPurpose,
  signTimestampedMessage,
  timestampedMessageDigest,
} from '../../src/crypto/sign-message.js';
import { fill, hex, thrownBy, toHex } from './bytes.js';
import { KMS, SIMULATOR_K256 } from './kms-vectors.js';

const root = new K256Key(KMS.k256Scalar);
const ENV_PUBLIC = hex('93cf259f68b24775d54290a8ea57cf93efc994d3ff28a7b8ba7a39e9f512302f');

describe('signatures of a KMS root', () => {
  it('over an app key', () => {
    const appPublic = hex('034ca0e0839903bc618083f5363487ba354feb71bfe76c2f89f2ed0ba407826a0d');
    expect(toHex(signMessage(root, SIGNED_MESSAGE_PREFIX.issuedKey, KMS.appId, appPublic))).toBe(
      'a25139e926778e2fffc6245a75696db26f3d69cc2ee8a9dfcc26db1e3944d123385945f2c1381b6ab13f38e4e56d08072e7b8d433927cdfa8c407e015e76019700',
    );
  });

  it('over an environment key, without and with a timestamp', () => {
    const prefix = SIGNED_MESSAGE_PREFIX.envEncryptKey;
    expect(toHex(signMessage(root, prefix, KMS.appId, ENV_PUBLIC))).toBe(
      'bff2e0b0d7b724c966d1b3b828b67d15a6c3f2cd224141c5a6aa51d4a85ce86105071c248f0861d6748bece1a53e5941e9f473bb6c0f588b9673d05f46b9a70001',
    );
    expect(toHex(signTimestampedMessage(root, prefix, KMS.appId, 1_700_000_000n, ENV_PUBLIC))).toBe(
      'c77f17c73c62ba0aa36e72f4bb71b5a082dbfaf9dc60a396d569739f1870dda106c8c524091f9870ac9f5cebcb95c14e0a6731396aa8229f8b8817968a94d32901',
    );
  });

  it('can be traced to the signer by anyone', () => {
    const signature = hex('8542c49081fbf4e03f62034f13fbf70630bdf256a53032e38465a27c36fd6bed7a5e7111652004aef37f7fd92fbfc1285212c4ae6a6154203a48f5e16cad2cef00');
    const digest = messageDigest('dstack-env-encrypt-pubkey', fill(20, 0), hex('e33a1832c6562067ff8f844a61e51ad051f1180b66ec2551fb0251735f3ee90a'));
    expect(toHex(recoverSecp256k1(signature, digest))).toBe('0217610d74cbd39b6143842c6d8bc310d79da1d82cc9d17f8876376221eda0c38f');
  });

  it('keep message and timestamp apart', () => {
    expect(timestampedMessageDigest('p', KMS.appId, 0n, ENV_PUBLIC)).toEqual(messageDigest('p', KMS.appId, Uint8Array.of(...fill(8, 0), ...ENV_PUBLIC)));
    expect(() => timestampedMessageDigest('p', KMS.appId, 2n ** 64n, ENV_PUBLIC)).toThrow(RangeError);
  });

  it('leave no trace of the key in a log', () => {
    expect(toHex(root.publicKey)).toBe(KMS.k256Public);
    expect(JSON.stringify(root)).not.toContain('scalar');
    expect(inspect(root, { depth: 9, showHidden: true, compact: 9, breakLength: Infinity })).not.toMatch(/26,\s+43,\s+60/);
  });

  it('need a key', () => {
    expect(thrownBy(() => new K256Key(fill(32, 0)))).toMatchObject({ constructor: KeyMaterialError, code: 'PRIVATE_KEY_INVALID' });
  });
});

describe('signPurpose', () => {
  // spec/guest-agent.md section 17 and spec/sdk-contract.md section 12.2.
  it.each([
    ['signing', '02c53a10a891f3c5d599539056edcfa080555ac975cae78e59b5d519dcdaf03389', 'c2ac442934a10d730c14b553e6b93e4db61aa7afa48b7aa51e649841115d6f4160a29b24a87e0ef4c02e37c10b176913f1449ebb41466fccdc44a6ef5d9b247300'],
    ['signing', '1cbb894af8792a8f6e1e9d58ae2a37364fd8e8378ce9d2300fab933b58aaa6cb', 'd85afcef55a4be6b46dc03f2644537c6bbf29c1184472aa812012846c8352eaa414ea1d1bc7c4958257bbc19cbb4b1c7b4b1230f6356ccca5ccfd23375240d7801'],
  ])('makes the recorded signature (%s, %s)', (purpose, publicKey, signature) => {
    expect(toHex(signPurpose(SIMULATOR_K256, purpose, hex(publicKey)))).toBe(signature);
    expect(toHex(recoverSecp256k1(hex(signature), purposeDigest(purpose, hex(publicKey))))).toBe('02818494263695e8839122dbd88e281d7380622999df4e60a14befa0f2d096fc7c');
  });
});
