import { createHash } from 'node:crypto';
import type { RuntimeEvent, TdxEvent } from '../evidence/attestation.js';

/** Event type of everything emitted at run time, V1 and V2 alike (spec/attestation.md section 2.3). */
export const RUNTIME_EVENT_TYPE = 0x0800_0001;

/** The register (0 to 3) run-time events extend. */
export const RUNTIME_IMR = 3;

/** SHA-384 for RTMR3 and the NitroTPM's PCR14, SHA-256 for the GCP vTPM's PCR14. */
export type EventHash = 'sha384' | 'sha256';

/** Type as little-endian u32, then the colon that also separates name and payload. */
const V1_PREFIX = Buffer.from('010000083a', 'hex');
const COLON = Buffer.from(':');

/**
 * The bytes an event's digest is taken over (spec/attestation.md section 2.3). V1 concatenates without
 * escaping; V2 is RFC 8785 JSON, and RFC 8785 section 3.2.2.2 defines string escaping as that of
 * ECMAScript's JSON.stringify.
 */
export function eventPreimage(event: RuntimeEvent): Uint8Array {
  if (event.version === 1) return Buffer.concat([V1_PREFIX, Buffer.from(event.event, 'utf8'), COLON, event.payload]);
  const payload = Buffer.from(event.payload).toString('hex');
  return Buffer.from(`{"name":${JSON.stringify(event.event)},"payload":"${payload}","type":${RUNTIME_EVENT_TYPE}}`, 'utf8');
}

/** Digest of an event: 48 bytes for sha384, 32 for sha256. */
export function eventDigest(event: RuntimeEvent, hash: EventHash): Uint8Array {
  return createHash(hash).update(eventPreimage(event)).digest();
}

/**
 * A run-time event as it stands in the TDX event log. With `withPreimage`, V2 events carry theirs: the
 * log handed to applications has it, so that a verifier need not know the canonical form (section 2.6).
 */
export function asTdxEvent(event: RuntimeEvent, options: { readonly withPreimage: boolean }): TdxEvent {
  return {
    imr: RUNTIME_IMR,
    eventType: RUNTIME_EVENT_TYPE,
    digest: eventDigest(event, 'sha384'),
    event: event.event,
    eventPayload: event.payload,
    version: event.version,
    preimage: options.withPreimage && event.version === 2 ? Buffer.from(eventPreimage(event)).toString('hex') : null,
  };
}
