import { createRequire } from 'node:module';
import { KeyMaterialError } from './key-error.js';

/** The part of the native binding that is used; `recid` is 0 to 3. */
interface NativeSecp256k1 {
  privateKeyVerify(scalar: Uint8Array): boolean;
  publicKeyCreate(scalar: Uint8Array, compressed: boolean): Uint8Array;
  publicKeyVerify(publicKey: Uint8Array): boolean;
  ecdsaSign(digest: Uint8Array, scalar: Uint8Array): { readonly signature: Uint8Array; readonly recid: number };
  ecdsaVerify(signature: Uint8Array, digest: Uint8Array, publicKey: Uint8Array): boolean;
  ecdsaRecover(signature: Uint8Array, recid: number, digest: Uint8Array, compressed: boolean): Uint8Array;
}

const native = loadNative();

/** The package's main entry would fall back to a slow library that is not constant-time, without a word. */
function loadNative(): NativeSecp256k1 {
  try {
    return createRequire(import.meta.url)('secp256k1/bindings.js') as NativeSecp256k1;
  } catch (cause) {
    throw new Error('the native secp256k1 library is missing; reinstall the packages with their install scripts allowed', { cause });
  }
}

/** Whether `scalar` is 32 bytes of a number from 1 to n - 1. */
export function isSecp256k1Scalar(scalar: Uint8Array): boolean {
  return scalar.length === 32 && native.privateKeyVerify(scalar);
}

/** 33-byte compressed public key. @throws KeyMaterialError PRIVATE_KEY_INVALID */
export function secp256k1PublicKey(scalar: Uint8Array): Uint8Array {
  assertScalar(scalar);
  return native.publicKeyCreate(scalar, true);
}

/**
 * 65 bytes r ‖ s ‖ v over a 32-byte digest: v the bare recovery id (0 or 1), s low, the nonce of RFC 6979
 * with HMAC-SHA256 whatever made the digest (spec/kms.md section 4.4).
 * @throws KeyMaterialError PRIVATE_KEY_INVALID, DIGEST_LENGTH_INVALID
 */
export function signSecp256k1Recoverable(digest: Uint8Array, scalar: Uint8Array): Uint8Array {
  assertScalar(scalar);
  assertDigest(digest);
  const { signature, recid } = native.ecdsaSign(digest, scalar);
  const out = new Uint8Array(65);
  out.set(signature);
  out[64] = recid;
  return out;
}

/** The same signature without v: 64 bytes r ‖ s. @throws KeyMaterialError PRIVATE_KEY_INVALID, DIGEST_LENGTH_INVALID */
export function signSecp256k1(digest: Uint8Array, scalar: Uint8Array): Uint8Array {
  assertScalar(scalar);
  assertDigest(digest);
  return native.ecdsaSign(digest, scalar).signature;
}

/**
 * Whether `signature` (64 bytes r ‖ s) over the 32-byte digest is `publicKey`'s (SEC1, 33 bytes compressed
 * or 65 uncompressed). False for a high s (spec/guest-agent.md section 6.8).
 * @throws KeyMaterialError PUBLIC_KEY_INVALID, SIGNATURE_MALFORMED (length, or r or s outside 1 to n - 1), DIGEST_LENGTH_INVALID
 */
export function verifySecp256k1(signature: Uint8Array, digest: Uint8Array, publicKey: Uint8Array): boolean {
  assertDigest(digest);
  if (!isSec1(publicKey) || !native.publicKeyVerify(publicKey)) throw new KeyMaterialError('PUBLIC_KEY_INVALID', 'invalid public key');
  if (signature.length !== 64 || isZero(signature.subarray(0, 32)) || isZero(signature.subarray(32))) throw malformedSignature();
  try {
    return native.ecdsaVerify(signature, digest, publicKey);
  } catch (cause) {
    // Key and lengths are settled above: what is left is r or s not below n.
    throw malformedSignature(cause);
  }
}

/** 33-byte compressed public key that made `signature` (65 bytes r ‖ s ‖ v, v 0 to 3). @throws KeyMaterialError SIGNATURE_MALFORMED, DIGEST_LENGTH_INVALID */
export function recoverSecp256k1(signature: Uint8Array, digest: Uint8Array): Uint8Array {
  assertDigest(digest);
  const recoveryId = signature[64];
  if (signature.length !== 65 || recoveryId === undefined || recoveryId > 3) throw malformedSignature();
  try {
    return native.ecdsaRecover(signature.subarray(0, 64), recoveryId, digest, true);
  } catch (cause) {
    throw malformedSignature(cause);
  }
}

function assertScalar(scalar: Uint8Array): void {
  if (!isSecp256k1Scalar(scalar)) throw new KeyMaterialError('PRIVATE_KEY_INVALID', 'not a secp256k1 private key');
}

function assertDigest(digest: Uint8Array): void {
  if (digest.length !== 32) throw new KeyMaterialError('DIGEST_LENGTH_INVALID', `a 32-byte digest is needed, not ${digest.length} bytes`);
}

/** Compressed or uncompressed; the hybrid form the library would take as well is in no standard of today. */
function isSec1(publicKey: Uint8Array): boolean {
  const tag = publicKey[0];
  return publicKey.length === 33 ? tag === 2 || tag === 3 : publicKey.length === 65 && tag === 4;
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function malformedSignature(cause?: unknown): KeyMaterialError {
  return new KeyMaterialError('SIGNATURE_MALFORMED', 'signature error', { cause });
}
