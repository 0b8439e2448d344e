import { keccak256 } from './keccak.js';
import { KeyMaterialError } from './key-error.js';
import { recoverSecp256k1, secp256k1PublicKey, signSecp256k1Recoverable } from './secp256k1.js';

/**
 * A secp256k1 key that signs what a KMS or an app vouches for. The private value is behind a getter, so
 * that no logger or serializer walks into it.
 */
export class K256Key {
  readonly #scalar: Uint8Array;
  /** 33 bytes, compressed. */
  readonly publicKey: Uint8Array;

  /** @param scalar 32 bytes. @throws KeyMaterialError PRIVATE_KEY_INVALID */
  constructor(scalar: Uint8Array) {
    this.publicKey = secp256k1PublicKey(scalar);
    this.#scalar = scalar;
  }

  /** 32 bytes. */
  get scalar(): Uint8Array {
    return this.#scalar;
  }
}

/** Prefixes of what a KMS signs with its secp256k1 root (spec/kms.md section 13). */
export const SIGNED_MESSAGE_PREFIX = { issuedKey: 'dstack-kms-issued', envEncryptKey: 'dstack-env-encrypt-pubkey' } as const;

/** Keccak-256(prefix ‖ ":" ‖ appId ‖ message), 32 bytes (spec/kms.md section 4.4). */
export function messageDigest(prefix: string, appId: Uint8Array, message: Uint8Array): Uint8Array {
  return keccak256(Buffer.concat([Buffer.from(`${prefix}:`, 'utf8'), appId, message]));
}

/** Keccak-256(prefix ‖ ":" ‖ appId ‖ u64 big-endian timestamp ‖ message), 32 bytes; `timestamp` in unix seconds. */
export function timestampedMessageDigest(prefix: string, appId: Uint8Array, timestamp: bigint, message: Uint8Array): Uint8Array {
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(timestamp);
  return keccak256(Buffer.concat([Buffer.from(`${prefix}:`, 'utf8'), appId, time, message]));
}

/** 65-byte recoverable signature over `messageDigest`. `appId` is 20 bytes. @throws KeyMaterialError */
export function signMessage(key: K256Key, prefix: string, appId: Uint8Array, message: Uint8Array): Uint8Array {
  return signChecked(key, messageDigest(prefix, appId, message));
}

/** 65-byte recoverable signature over `timestampedMessageDigest`. @throws KeyMaterialError, RangeError for a timestamp outside 64 bits */
export function signTimestampedMessage(key: K256Key, prefix: string, appId: Uint8Array, timestamp: bigint, message: Uint8Array): Uint8Array {
  return signChecked(key, timestampedMessageDigest(prefix, appId, timestamp, message));
}

/** Keccak-256(purpose ‖ ":" ‖ lower-case hex of publicKey), 32 bytes (spec/guest-agent.md section 6.2). */
export function purposeDigest(purpose: string, publicKey: Uint8Array): Uint8Array {
  return keccak256(Buffer.from(`${purpose}:${Buffer.from(publicKey).toString('hex')}`, 'utf8'));
}

/**
 * 65-byte recoverable signature of an app's key (its 32-byte scalar) over a derived public key and its purpose.
 * @throws KeyMaterialError PRIVATE_KEY_INVALID
 */
export function signPurpose(appKey: Uint8Array, purpose: string, publicKey: Uint8Array): Uint8Array {
  return signSecp256k1Recoverable(purposeDigest(purpose, publicKey), appKey);
}

/**
 * A root's signature is checked before it leaves: nonces are deterministic, and a second signature over the
 * same digest with one bit computed wrong would give the key away.
 */
function signChecked(key: K256Key, digest: Uint8Array): Uint8Array {
  const signature = signSecp256k1Recoverable(digest, key.scalar);
  if (!Buffer.from(recoverSecp256k1(signature, digest)).equals(key.publicKey)) {
    throw new KeyMaterialError('SIGNATURE_SELF_CHECK_FAILED', 'a signature just made does not verify');
  }
  return signature;
}
