import type { KeyObject } from 'node:crypto';
import { P256PublicKey } from '../crypto/p256-public-key.js';

/** What signatures are verified with: P-256, or anything else as Node has it. */
export type VerifyingKey = KeyObject | P256PublicKey;

export function isSameKey(a: VerifyingKey, b: VerifyingKey): boolean {
  if (a === b) return true;
  if (a instanceof P256PublicKey) return b instanceof P256PublicKey && Buffer.compare(a.coordinates, b.coordinates) === 0;
  return !(b instanceof P256PublicKey) && a.equals(b);
}
