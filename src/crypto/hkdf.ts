import { createHmac, createSecretKey } from 'node:crypto';

const SALT = createSecretKey(Buffer.from('RATLS', 'latin1'));
const HASH_LENGTH = 32;
const MAX_LENGTH = 255 * HASH_LENGTH;

/**
 * HKDF-SHA256 (RFC 5869) with salt "RATLS" and the plain concatenation of `contexts` as info: no separators,
 * no lengths (spec/kms.md section 4.1), so contexts of variable length must not stand next to one another
 * where an outsider chooses them. `ikm` is the parent secret, usually 32 bytes; `length` 1 to 8160 bytes.
 *
 * Two HMACs of `node:crypto` with the salt's key object kept cost two thirds of its own `hkdfSync`, whose
 * job set-up dominates at this size.
 * @throws RangeError for another `length`
 */
export function hkdfSha256(ikm: Uint8Array, contexts: readonly Uint8Array[], length = HASH_LENGTH): Uint8Array {
  if (!Number.isInteger(length) || length < 1 || length > MAX_LENGTH) throw new RangeError(`HKDF length must be 1 to ${MAX_LENGTH} bytes`);
  const pseudoRandomKey = createHmac('sha256', SALT).update(ikm).digest();
  const out = new Uint8Array(length);
  let block: Uint8Array = new Uint8Array(0);
  for (let counter = 1, at = 0; at < length; counter++, at += HASH_LENGTH) {
    const hmac = createHmac('sha256', pseudoRandomKey);
    if (block.length > 0) hmac.update(block);
    for (const context of contexts) hmac.update(context);
    block = hmac.update(Uint8Array.of(counter)).digest();
    out.set(block.subarray(0, length - at), at);
  }
  return out;
}
