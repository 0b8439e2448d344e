import { createHash } from 'node:crypto';
import { verifyEd25519 } from '../crypto/ed25519.js';
import { KeyMaterialError } from '../crypto/key-error.js';
import { verifySecp256k1 } from '../crypto/secp256k1.js';
import { invalidArgument } from '../errors/service-error.js';
import { parseSignAlgorithm } from './key-algorithm.js';

export interface VerifyRequest {
  readonly algorithm: string;
  readonly data: Uint8Array;
  /** 64 bytes. */
  readonly signature: Uint8Array;
  /** 32 bytes for Ed25519; SEC1, 33 or 65 bytes, for secp256k1. */
  readonly publicKey: Uint8Array;
}

/**
 * Whether the signature holds; false also for an ECDSA signature with high s (spec/guest-agent.md section 6.8). Uses no key of the application.
 * @throws ServiceError INVALID_ARGUMENT for an unknown algorithm, and for what is no key, signature or digest at all
 */
export function verifySignature({ algorithm, data, signature, publicKey }: VerifyRequest): boolean {
  const parsed = parseSignAlgorithm(algorithm);
  try {
    if (parsed === 'ed25519') return verifyEd25519(signature, data, publicKey);
    const digest = parsed === 'secp256k1' ? createHash('sha256').update(data).digest() : data;
    return verifySecp256k1(signature, digest, publicKey);
  } catch (cause) {
    if (cause instanceof KeyMaterialError) throw invalidArgument(cause.message, { cause });
    throw cause;
  }
}
