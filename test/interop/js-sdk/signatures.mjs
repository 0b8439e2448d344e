import assert from 'node:assert/strict';
import { createHash, createPublicKey, verify } from 'node:crypto';
import { secp256k1 } from '@noble/curves/secp256k1';
import { keccak_256 } from '@noble/hashes/sha3';

/** The compressed public key that made a 65-byte signature (r, s, recovery id) over a message, hex. */
function signer(signature, message) {
  const recoverable = secp256k1.Signature.fromCompact(signature.slice(0, 64)).addRecoveryBit(signature[64]);
  return recoverable.recoverPublicKey(keccak_256(message)).toHex(true);
}

/**
 * Follows a chain of two signatures from a derived public key over the application's key to the root key of the KMS.
 * @param publicKey hex of the derived key: 33 bytes (secp256k1) or 32 (Ed25519)
 */
export function assertSignatureChain(chain, purpose, publicKey, { appId, kmsRootPublicKey }) {
  assert.equal(chain.length, 2);
  const appKey = signer(chain[0], Buffer.from(`${purpose}:${publicKey}`));
  const issued = Buffer.concat([Buffer.from('dstack-kms-issued:'), Buffer.from(appId, 'hex'), Buffer.from(appKey, 'hex')]);
  assert.equal(signer(chain[1], issued), kmsRootPublicKey);
}

/** Compressed secp256k1 public key of a secret, hex. */
export function publicKeyOf(secret) {
  return Buffer.from(secp256k1.getPublicKey(secret, true)).toString('hex');
}

/** Verifies with libraries that are not the server's. */
export function signatureHolds(algorithm, data, { signature, public_key: publicKey }) {
  if (algorithm === 'ed25519') {
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(publicKey).toString('base64url') };
    return verify(null, data, createPublicKey({ key: jwk, format: 'jwk' }), signature);
  }
  const digest = algorithm === 'secp256k1_prehashed' ? data : createHash('sha256').update(data).digest();
  return secp256k1.verify(signature, digest, publicKey);
}
