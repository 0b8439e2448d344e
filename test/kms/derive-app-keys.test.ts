import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { P256Key } from '../../src/crypto/p256.js';
import { K256Key } from '../../src/crypto/sign-message.js';
import { AppKeyDeriver } from '../../src/kms/derive-app-keys.js';
import { EnvEncryptKeys } from '../../src/kms/env-encrypt-key.js';
import type { RootKeys } from '../../src/kms/root-keys.js';
import { NO_SELF_AUTHORIZATION } from '../../src/kms/self-authorization.js';
import { loadCertificateAuthority } from '../../src/x509/certificate-authority.js';
import { certificatePem } from '../../src/x509/pem.js';
import { issueRootCa } from '../../src/x509/profiles/root-ca.js';

// spec/kms.md section 22.
const rootCaKey = new P256Key(Buffer.from('f57527cea4ab7ffb49af99b158cdc0e3ec06398f528349ea236b7d2afe19cec1', 'hex'));
const k256 = new K256Key(Buffer.from('1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b1c2d3e4f5a6b7c8d9e0f1a2b', 'hex'));
const ca = loadCertificateAuthority(certificatePem(issueRootCa(rootCaKey, { notBefore: 0, notAfter: 1 })), rootCaKey);
const keys: RootKeys = { rootCaKey, k256, tmpCaKey: rootCaKey, rpcKey: rootCaKey, rootCa: ca, tmpCa: ca };
const appId = Buffer.alloc(20, 0x11);
const instanceId = Buffer.alloc(20, 0x33);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('keys of an application', () => {
  const deriver = new AppKeyDeriver(keys);

  it('are those of the published vectors', () => {
    expect(hex(deriver.disk(appId, instanceId))).toBe('1fef665a1667042d9d3e16305ac19dff2082d4fa6b0d27505bb9e6b7379bb58d');
    expect(hex(deriver.disk(appId, new Uint8Array()))).toBe('14de7a7fd8bddf8e641a55ca97f043cac4344d175419f743940840f3a348f049');
    const { secret, publicKey } = deriver.environment(appId);
    expect(hex(secret)).toBe('a7470db8cfdd0fe24134b461d60766afa7c078abe6dce9f2c8a5c44034ca400e');
    expect(hex(publicKey)).toBe('93cf259f68b24775d54290a8ea57cf93efc994d3ff28a7b8ba7a39e9f512302f');
    const { key, signature } = deriver.k256(appId);
    expect(hex(key.scalar)).toBe('886c2788dd4da286d0608e73f6b5aa7a245095f790b9a862afcdc979b85d8093');
    expect(hex(key.publicKey)).toBe('034ca0e0839903bc618083f5363487ba354feb71bfe76c2f89f2ed0ba407826a0d');
    expect(hex(signature)).toBe('a25139e926778e2fffc6245a75696db26f3d69cc2ee8a9dfcc26db1e3944d123385945f2c1381b6ab13f38e4e56d08072e7b8d433927cdfa8c407e015e76019700');
    expect(hex(deriver.appCa(appId).scalar)).toBe('5b779e0a9fe80b2e5866d94958daa1a4e29a183228b3f37acd7eae153e18a75f');
  });

  it('stay the same when asked for again and when others have been asked for in between', () => {
    const before = [deriver.disk(appId, instanceId), deriver.k256(appId).key.scalar].map(hex);
    for (let i = 0; i < 5000; i++) deriver.disk(createHash('sha1').update(String(i)).digest(), instanceId);
    expect([deriver.disk(appId, instanceId), deriver.k256(appId).key.scalar].map(hex)).toEqual(before);
  });

  it('are never derived for ids of another length, which could make two applications share a key', () => {
    for (const length of [0, 19, 21, 32]) {
      const odd = new Uint8Array(length);
      for (const derive of [() => deriver.k256(odd), () => deriver.environment(odd), () => deriver.appCa(odd), () => deriver.disk(odd, instanceId)]) expect(derive).toThrow(RangeError);
    }
    expect(() => deriver.disk(appId, new Uint8Array(1))).toThrow(RangeError);
  });
});

describe('the environment key with its signatures', () => {
  it('is that of the published vectors', async () => {
    const environment = new EnvEncryptKeys({ self: NO_SELF_AUTHORIZATION, deriver: new AppKeyDeriver(keys), keys, clock: () => 1_700_000_000.9 });
    const answer = await environment.get(appId);
    expect(answer.timestamp).toBe(1_700_000_000n);
    expect(hex(answer.signature)).toBe('bff2e0b0d7b724c966d1b3b828b67d15a6c3f2cd224141c5a6aa51d4a85ce86105071c248f0861d6748bece1a53e5941e9f473bb6c0f588b9673d05f46b9a70001');
    expect(hex(answer.signatureV1)).toBe('c77f17c73c62ba0aa36e72f4bb71b5a082dbfaf9dc60a396d569739f1870dda106c8c524091f9870ac9f5cebcb95c14e0a6731396aa8229f8b8817968a94d32901');
  });
});
