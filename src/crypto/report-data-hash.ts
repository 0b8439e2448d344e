import { createHash } from 'node:crypto';
import { keccak_384, keccak_512 } from '@noble/hashes/sha3.js';
import { keccak256 } from './keccak.js';

const node = (name: string) => (content: Uint8Array): Uint8Array => createHash(name).update(content).digest();

const HASHES = {
  sha256: node('sha256'),
  sha384: node('sha384'),
  sha512: node('sha512'),
  'sha3-256': node('sha3-256'),
  'sha3-384': node('sha3-384'),
  'sha3-512': node('sha3-512'),
  keccak256,
  keccak384: keccak_384,
  keccak512: keccak_512,
} as const satisfies Record<string, (content: Uint8Array) => Uint8Array>;

/** Names of the hashes report data can be made with, exact and case-sensitive (spec/attestation.md section 4). */
export type ReportDataHash = keyof typeof HASHES;

/** Whether `name` is one of the nine hashes; `raw` and the empty name are not hashes. */
export function isReportDataHash(name: string): name is ReportDataHash {
  return Object.hasOwn(HASHES, name);
}

/** Digest of `content`: 32, 48 or 64 bytes as the name says. keccakN is original Keccak, sha3-N is FIPS 202. */
export function reportDataDigest(hash: ReportDataHash, content: Uint8Array): Uint8Array {
  return HASHES[hash](content);
}
