import { BoundedMap } from '../cache/bounded-map.js';
import { ed25519Key } from '../crypto/ed25519.js';
import { hkdfSha256 } from '../crypto/hkdf.js';
import { secp256k1PublicKey } from '../crypto/secp256k1.js';
import { signPurpose } from '../crypto/sign-message.js';
import { invalidArgument } from '../errors/service-error.js';
import type { AppKeys } from './app-keys.js';
import { type KeyAlgorithm, parseKeyAlgorithm } from './key-algorithm.js';

export interface KeyRequest {
  readonly path: string;
  readonly purpose: string;
  readonly algorithm: string;
}

/** The answer of GetKey (spec/guest-agent.md section 6.2). */
export interface AppKey {
  /** 32 bytes: a secp256k1 scalar or an Ed25519 seed. */
  readonly key: Uint8Array;
  /** The application key over purpose and public key (65 bytes), then the KMS root over the application key (65 bytes, or empty). */
  readonly signatureChain: readonly [Uint8Array, Uint8Array];
}

export interface AppKeyDeriver {
  /** @throws ServiceError INVALID_ARGUMENT for an unknown algorithm; KeyMaterialError when the derived value is no key (once in 2^128) */
  getKey(request: KeyRequest): AppKey;
}

/** Answers remembered: they never change, and signing costs ten times the rest of the call. */
const CACHED_KEYS = { capacity: 1024, maxKeyLength: 544 };

/** Keys of one application. The same path gives the same 32 bytes for every algorithm and purpose; those only change what is signed. */
export function createAppKeyDeriver({ k256Key, k256Signature }: Pick<AppKeys, 'k256Key' | 'k256Signature'>): AppKeyDeriver {
  const cache = new BoundedMap<AppKey>(CACHED_KEYS);
  const derive = (path: string, purpose: string, algorithm: KeyAlgorithm): AppKey => {
    const key = hkdfSha256(k256Key, [Buffer.from(path, 'utf8')]);
    return { key, signatureChain: [signPurpose(k256Key, purpose, publicKeyOf(key, algorithm)), k256Signature] };
  };
  return {
    getKey({ path, purpose, algorithm }) {
      const parsed = parseKeyAlgorithm(algorithm === '' ? 'secp256k1' : algorithm);
      // Unambiguous whatever the texts hold, since the length of the path comes first.
      return cache.getOrCreate(`${parsed}:${path.length}:${path}:${purpose}`, () => derive(path, purpose, parsed));
    },
  };
}

/**
 * The path of a request that may carry it under either name (spec/api.md section 1.4). Any text is a path, the empty one too.
 * @throws ServiceError INVALID_ARGUMENT when both are given and differ
 */
export function keyPath(path: string, name: string): string {
  if (path !== '' && name !== '' && path !== name) throw invalidArgument('path and name are both given and differ');
  return path === '' ? name : path;
}

/** 33 bytes compressed for secp256k1, 32 bytes for Ed25519. */
function publicKeyOf(key: Uint8Array, algorithm: KeyAlgorithm): Uint8Array {
  return algorithm === 'ed25519' ? ed25519Key(key).publicKey : secp256k1PublicKey(key);
}
