import { createHash } from 'node:crypto';
import type { RuntimeEvent, TdxEvent } from '../evidence/attestation.js';
import { eventDigest, type EventHash, RUNTIME_EVENT_TYPE } from './runtime-event.js';

const SIZES: Readonly<Record<EventHash, number>> = { sha384: 48, sha256: 32 };

/**
 * The register value a list of run-time events leads to: from zeros, H(register ‖ digest) per event.
 * Digests are always recomputed. With `stopAfter`, the first event of that name is the last one counted
 * (spec/attestation.md section 2.3).
 * @returns 48 bytes for sha384, 32 for sha256
 */
export function replayRuntimeEvents(events: readonly RuntimeEvent[], hash: EventHash, stopAfter: string | null = null): Uint8Array {
  let register: Uint8Array = new Uint8Array(SIZES[hash]);
  for (const event of events) {
    register = extend(register, eventDigest(event, hash), hash);
    if (event.event === stopAfter) break;
  }
  return register;
}

/**
 * RTMR `imr` (0 to 3) as a TDX event log leads to it, 48 bytes. Run-time events are recomputed from
 * their content, boot events count by their stored digest (spec/attestation.md sections 2.1 and 2.2).
 */
export function replayRtmr(events: readonly TdxEvent[], imr: number): Uint8Array {
  let register: Uint8Array = new Uint8Array(48);
  for (const event of events) if (event.imr === imr) register = extend(register, effectiveDigest(event), 'sha384');
  return register;
}

/** The digest of an event that counts: recomputed for run-time events, stored otherwise. */
export function effectiveDigest(event: TdxEvent): Uint8Array {
  if (event.eventType !== RUNTIME_EVENT_TYPE) return event.digest;
  return eventDigest({ event: event.event, payload: event.eventPayload, version: event.version }, 'sha384');
}

function extend(register: Uint8Array, digest: Uint8Array, hash: EventHash): Uint8Array {
  return createHash(hash).update(register).update(digest).digest();
}
