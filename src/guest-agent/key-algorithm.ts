import { invalidArgument } from '../errors/service-error.js';

export type KeyAlgorithm = 'secp256k1' | 'ed25519';

/** How a message becomes a signature. */
export type SignAlgorithm = KeyAlgorithm | 'secp256k1_prehashed';

/** Case-sensitive; `k256` is an alias. @throws ServiceError INVALID_ARGUMENT */
export function parseKeyAlgorithm(name: string): KeyAlgorithm {
  if (name === 'secp256k1' || name === 'k256') return 'secp256k1';
  if (name === 'ed25519') return 'ed25519';
  throw invalidArgument('Unsupported algorithm');
}

/** As `parseKeyAlgorithm`, and `secp256k1_prehashed`. @throws ServiceError INVALID_ARGUMENT */
export function parseSignAlgorithm(name: string): SignAlgorithm {
  return name === 'secp256k1_prehashed' ? name : parseKeyAlgorithm(name);
}
