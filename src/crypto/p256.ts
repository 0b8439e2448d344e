import { createECDH, createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { hkdfSha256 } from './hkdf.js';
import { KeyMaterialError } from './key-error.js';
import { pkcs8FromScalar, pointFromSpki, spkiFromPoint } from './p256-encoding.js';
import { base64url, p256Jwk, P256PublicKey } from './p256-public-key.js';

/** A P-256 key pair. The private value is behind a getter, so that no logger or serializer walks into it. */
export class P256Key {
  readonly #scalar: Uint8Array;
  /** Uncompressed point 04 ‖ X ‖ Y, 65 bytes. */
  readonly point: Uint8Array;
  /** SubjectPublicKeyInfo, 91 bytes DER. */
  readonly spki: Uint8Array;
  #privateKey: KeyObject | null = null;
  #publicKey: KeyObject | null = null;

  /** @throws KeyMaterialError PRIVATE_KEY_INVALID unless `scalar` is 32 bytes of a number from 1 to n - 1 */
  constructor(scalar: Uint8Array) {
    if (scalar.length !== 32) throw invalidPrivateKey();
    const ecdh = createECDH('prime256v1');
    try {
      ecdh.setPrivateKey(scalar);
    } catch (cause) {
      throw invalidPrivateKey(cause);
    }
    this.#scalar = scalar;
    this.point = new Uint8Array(ecdh.getPublicKey());
    this.spki = spkiFromPoint(this.point);
  }

  /** Private value, 32 bytes big-endian. */
  get scalar(): Uint8Array {
    return this.#scalar;
  }

  /** PKCS#8 version 1 with the public key inside, 138 bytes DER. */
  get pkcs8(): Uint8Array {
    return pkcs8FromScalar(this.#scalar, this.point);
  }

  /** The private key for `node:crypto`, made at first use and kept: importing costs more than signing. */
  get privateKey(): KeyObject {
    this.#privateKey ??= createPrivateKey({ format: 'jwk', key: { ...p256Jwk(this.point.subarray(1)), d: base64url(this.#scalar) } });
    return this.#privateKey;
  }

  /** Whether `signature` (DER) over `message` is this key's. */
  verify(message: Uint8Array, signature: Uint8Array): boolean {
    this.#publicKey ??= createPublicKey(this.privateKey);
    return verify('sha256', message, this.#publicKey, signature);
  }

  /** ECDSA-P256-SHA256 signature over `message`, DER, at most 72 bytes. */
  sign(message: Uint8Array): Uint8Array {
    return sign('sha256', message, this.privateKey);
  }
}

/**
 * The child key HKDF(parentScalar, contexts) (spec/kms.md section 4.2). A derived value outside the group
 * (once in 2^32) is a failure and never retried: there would be two rules for one key.
 * @throws KeyMaterialError PRIVATE_KEY_INVALID
 */
export function p256ChildKey(parentScalar: Uint8Array, contexts: readonly Uint8Array[]): P256Key {
  return new P256Key(hkdfSha256(parentScalar, contexts));
}

/** SHA-256 over the child key's 138-byte PKCS#8: the 32-byte secret for disks and environments (spec/kms.md section 4.3). */
export function dhSecret(parentScalar: Uint8Array, contexts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(createHash('sha256').update(p256ChildKey(parentScalar, contexts).pkcs8).digest());
}

const MAX_DRAWS = 8;

/**
 * A fresh key from `random`, which gives as many bytes as it is asked for. A draw outside the group is
 * drawn again; eight in a row mean a broken source.
 * @throws KeyMaterialError PRIVATE_KEY_INVALID
 */
export function randomP256Key(random: (length: number) => Uint8Array): P256Key {
  for (let draws = 1; ; draws++) {
    try {
      return new P256Key(random(32));
    } catch (cause) {
      if (draws >= MAX_DRAWS) throw cause;
    }
  }
}

/** Whether `signature` (DER) over `message` is that of the key in `spki`, 91 bytes DER. @throws KeyMaterialError PUBLIC_KEY_INVALID */
export function verifyP256(spki: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const key = P256PublicKey.from(pointFromSpki(spki).subarray(1));
  if (key === null) throw new KeyMaterialError('PUBLIC_KEY_INVALID', 'not a point of P-256');
  return key.verify('sha256', message, { bytes: signature, encoding: 'der' });
}

function invalidPrivateKey(cause?: unknown): KeyMaterialError {
  return new KeyMaterialError('PRIVATE_KEY_INVALID', 'not a P-256 private key', { cause });
}
