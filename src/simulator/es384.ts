import { sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

/** ECDSA of a P-384 key over SHA-384 of `bytes`, r‖s of 96 bytes; on a thread of the pool, as P-384 is slow. */
export function es384(bytes: Uint8Array, key: KeyObject): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    sign('sha384', bytes, { key, dsaEncoding: 'ieee-p1363' }, (error, signature) => (error === null ? resolve(signature) : reject(error)));
  });
}
