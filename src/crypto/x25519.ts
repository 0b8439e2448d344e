import { createPrivateKey, createPublicKey } from 'node:crypto';
import { KeyMaterialError } from './key-error.js';

/**
 * 32-byte X25519 public key of a raw 32-byte secret, which is clamped inside the function as RFC 7748
 * section 5 has it and stored unclamped (spec/kms.md section 13.1, env_crypt_key).
 * @throws KeyMaterialError PRIVATE_KEY_INVALID
 */
export function x25519PublicKey(secret: Uint8Array): Uint8Array {
  if (secret.length !== 32) throw new KeyMaterialError('PRIVATE_KEY_INVALID', 'an X25519 secret is 32 bytes');
  const d = Buffer.from(secret).toString('base64url');
  // OpenSSL derives the public key from d; x only has to be there.
  const privateKey = createPrivateKey({ format: 'jwk', key: { kty: 'OKP', crv: 'X25519', d, x: '' } });
  return new Uint8Array(Buffer.from(createPublicKey(privateKey).export({ format: 'jwk' }).x ?? '', 'base64url'));
}
