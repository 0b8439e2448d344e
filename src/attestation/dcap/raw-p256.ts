import { P256PublicKey } from '../../crypto/p256-public-key.js';
import type { VerifyingKey } from '../../x509/verifying-key.js';

/** True when `signature` (r‖s, 64 bytes) is `key`'s ECDSA signature over the SHA-256 of `data`; false for any other kind of key. */
export function verifyP256(key: VerifyingKey, data: Uint8Array, signature: Uint8Array): boolean {
  return signature.length === 64 && key instanceof P256PublicKey && key.verify('sha256', data, { bytes: signature, encoding: 'ieee-p1363' });
}
