import { createHash } from 'node:crypto';
import { type Ed25519Key, ed25519Key } from '../crypto/ed25519.js';
import { secp256k1PublicKey, signSecp256k1 } from '../crypto/secp256k1.js';
import { invalidArgument } from '../errors/service-error.js';
import type { AppKey, AppKeyDeriver } from './derive-key.js';
import { type KeyAlgorithm, parseSignAlgorithm, type SignAlgorithm } from './key-algorithm.js';

/** The answer of Sign (spec/guest-agent.md section 6.7). */
export interface SignedData {
  /** 64 bytes. */
  readonly signature: Uint8Array;
  /** The signature itself, then the chain of the signing key. */
  readonly signatureChain: readonly [Uint8Array, Uint8Array, Uint8Array];
  /** 33 bytes compressed for secp256k1, 32 bytes for Ed25519. */
  readonly publicKey: Uint8Array;
}

export interface AppSigner {
  /** @throws ServiceError INVALID_ARGUMENT (algorithm, digest length) */
  sign(algorithm: string, data: Uint8Array): SignedData;
  /** Public half of the signing key, as in `SignedData`. */
  publicKey(algorithm: KeyAlgorithm): Uint8Array;
}

/** Path and purpose of the signing key are those of the existing agent: the public keys are on record. */
const SIGNING_KEY = { path: 'vms', purpose: 'signing' } as const;

/** Signs with the application's signing key, kept imported: importing costs as much as signing. */
export function createAppSigner(keys: AppKeyDeriver): AppSigner {
  const secp = keys.getKey({ ...SIGNING_KEY, algorithm: 'secp256k1' });
  const edwards = keys.getKey({ ...SIGNING_KEY, algorithm: 'ed25519' });
  const edwardsKey = ed25519Key(edwards.key);
  const secpPublicKey = secp256k1PublicKey(secp.key);
  return {
    sign(name, data) {
      const algorithm = parseSignAlgorithm(name);
      const signature = signatureOf(algorithm, data, secp, edwardsKey);
      const [key, publicKey] = algorithm === 'ed25519' ? [edwards, edwardsKey.publicKey] : [secp, secpPublicKey];
      return { signature, signatureChain: [signature, ...key.signatureChain], publicKey };
    },
    publicKey: (algorithm) => (algorithm === 'ed25519' ? edwardsKey.publicKey : secpPublicKey),
  };
}

function signatureOf(algorithm: SignAlgorithm, data: Uint8Array, { key }: AppKey, edwardsKey: Ed25519Key): Uint8Array {
  switch (algorithm) {
    case 'ed25519':
      return edwardsKey.sign(data);
    case 'secp256k1':
      return signSecp256k1(createHash('sha256').update(data).digest(), key);
    case 'secp256k1_prehashed':
      if (data.length !== 32) throw invalidArgument(`Pre-hashed signing requires a 32-byte digest, but received ${data.length} bytes`);
      return signSecp256k1(data, key);
  }
}
