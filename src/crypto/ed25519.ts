import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import { KeyMaterialError } from './key-error.js';

/** An Ed25519 key pair with its key object kept: importing costs as much as signing. */
export interface Ed25519Key {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64-byte signature (RFC 8032) over `message`. */
  sign(message: Uint8Array): Uint8Array;
}

/** The key pair of a 32-byte seed. @throws KeyMaterialError PRIVATE_KEY_INVALID */
export function ed25519Key(seed: Uint8Array): Ed25519Key {
  if (seed.length !== 32) throw new KeyMaterialError('PRIVATE_KEY_INVALID', 'an Ed25519 seed is 32 bytes');
  // A JWK imports ten times as fast as PKCS#8. OpenSSL derives the public key from d; x only has to be there.
  const privateKey = createPrivateKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', d: base64url(seed), x: '' } });
  const publicKey = new Uint8Array(Buffer.from(createPublicKey(privateKey).export({ format: 'jwk' }).x ?? '', 'base64url'));
  return { publicKey, sign: (message) => sign(null, message, privateKey) };
}

/**
 * Whether `signature` (64 bytes) over `message` is `publicKey`'s (32 bytes).
 * @throws KeyMaterialError PUBLIC_KEY_INVALID (length, or no point of the curve), SIGNATURE_MALFORMED (length)
 */
export function verifyEd25519(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean {
  if (publicKey.length !== 32) throw new KeyMaterialError('PUBLIC_KEY_INVALID', 'invalid public key');
  if (signature.length !== 64) throw new KeyMaterialError('SIGNATURE_MALFORMED', 'signature error');
  const key = createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x: base64url(publicKey) } });
  if (verify(null, message, key, signature)) return true;
  // OpenSSL says "false" to a key that is no point at all; only then is the costly check worth making.
  assertPoint(publicKey);
  return false;
}

/** y is taken modulo p, as the decompression of RFC 8032's reference and of deployed verifiers does. */
function assertPoint(publicKey: Uint8Array): void {
  try {
    ed25519.Point.fromBytes(publicKey, true);
  } catch (cause) {
    throw new KeyMaterialError('PUBLIC_KEY_INVALID', 'Cannot decompress Edwards point', { cause });
  }
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url');
}
