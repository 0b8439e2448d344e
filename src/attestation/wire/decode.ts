import { VerificationError } from '../../errors/verification-error.js';
import type { Attestation, RuntimeEvent } from '../evidence/attestation.js';
import { MAX_ATTESTATION_BYTES } from './limits.js';
import { malformed } from './msgpack-reader.js';
import { decodeV0, encodeV0, isV0Encodable } from './v0.js';
import { decodeV1 } from './v1-read.js';
import { encodeV1 } from './v1-write.js';

/**
 * Decodes a versioned attestation of at most 10 MiB, V0 (SCALE) or V1 (MessagePack) by its first byte,
 * trailing bytes refused (spec/attestation.md section 3). Nothing of it is verified.
 * @throws VerificationError ATTESTATION_MALFORMED naming the field or limit
 */
export function decodeAttestation(bytes: Uint8Array): Attestation {
  if (bytes.length > MAX_ATTESTATION_BYTES) malformed(`${bytes.length} bytes, at most ${MAX_ATTESTATION_BYTES}`);
  const [first] = bytes;
  if (first === undefined) return malformed('empty');
  if (first === 0) return decodeV0(bytes);
  if (isMapMarker(first)) return decodeV1(bytes);
  return malformed('unknown wire format');
}

/**
 * Encodes in the form `attestation.wire` names; decoding gives the same value back, and what
 * `decodeAttestation` read in canonical form comes out byte for byte.
 * @throws VerificationError ATTESTATION_NOT_ENCODABLE when V0 cannot hold it (V2 events, pod stacks)
 */
export function encodeAttestation(attestation: Attestation): Uint8Array {
  if (attestation.wire === 'v1') return encodeV1(attestation);
  if (isV0Encodable(attestation)) return encodeV0(attestation);
  throw new VerificationError('ATTESTATION_NOT_ENCODABLE', 'V0 holds neither V2 events nor a dstack-pod stack');
}

/** The form a producer writes: V0, which every deployed verifier reads, unless an event needs V1. */
export function wireFor(events: readonly RuntimeEvent[]): Attestation['wire'] {
  return events.some((event) => event.version === 2) ? 'v1' : 'v0';
}

/** True when `bytes` begin like a versioned attestation; says nothing about the rest. */
export function looksLikeAttestation(bytes: Uint8Array): boolean {
  const [first] = bytes;
  return first !== undefined && (first === 0 || isMapMarker(first));
}

/** fixmap, map 16 or map 32. */
function isMapMarker(byte: number): boolean {
  return (byte & 0xf0) === 0x80 || byte === 0xde || byte === 0xdf;
}
