import { keccak_256 } from '@noble/hashes/sha3.js';
import { createKeccak } from 'hash-wasm';

let digest256: (message: Uint8Array) => Uint8Array = keccak_256;

/**
 * Exchanges the portable Keccak-256 for a WebAssembly one, about six times as fast. Instantiating
 * WebAssembly is asynchronous, so the process's composition awaits this once at start; before that, and
 * where it is never called, `keccak256` is right all the same, only slower.
 */
export async function prepareKeccak256(): Promise<void> {
  const hasher = await createKeccak(256);
  digest256 = (message) => hasher.init().update(message).digest('binary');
}

/** Keccak-256 with the original padding (0x01), not SHA3-256. 32 bytes. */
export function keccak256(message: Uint8Array): Uint8Array {
  return digest256(message);
}
