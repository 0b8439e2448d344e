import { isAcpiData } from '../event-log/ccel.js';
import { eventPreimage, RUNTIME_EVENT_TYPE, RUNTIME_IMR } from '../event-log/runtime-event.js';
import type { Attestation, TdxEvent } from '../evidence/attestation.js';

const EMPTY = new Uint8Array();

/**
 * The form evidence takes inside a certificate (spec/attestation.md section 2.6): run-time events without
 * their digests, which every verifier recomputes anyway, and on plain TDX the three ACPI DATA events the
 * launch measurement needs. Evidence without an event log is returned as it is.
 */
export function stripForCertificate(attestation: Attestation): Attestation {
  const { platform } = attestation;
  if (platform.kind !== 'tdx' && platform.kind !== 'gcp-tdx') return attestation;
  const keepAcpi = platform.kind === 'tdx';
  const eventLog: TdxEvent[] = [];
  for (const event of platform.eventLog) {
    if (event.imr === RUNTIME_IMR) eventLog.push(stripEvent(event));
    else if (keepAcpi && isAcpiData(event)) eventLog.push(event);
  }
  return { ...attestation, platform: { ...platform, eventLog } };
}

/**
 * The `event_log` of GetQuote: every event, boot events without payload (but the ACPI DATA markers),
 * run-time events without digest, V2 events with their preimage (spec/attestation.md section 2.6).
 */
export function stripForQuoteAnswer(events: readonly TdxEvent[]): TdxEvent[] {
  return events.map((event) => (isAcpiData(event) ? event : withPreimage(stripEvent(event))));
}

function stripEvent(event: TdxEvent): TdxEvent {
  return event.eventType === RUNTIME_EVENT_TYPE ? { ...event, digest: EMPTY } : { ...event, eventPayload: EMPTY };
}

function withPreimage(event: TdxEvent): TdxEvent {
  if (event.eventType !== RUNTIME_EVENT_TYPE || event.version !== 2) return event;
  const preimage = eventPreimage({ event: event.event, payload: event.eventPayload, version: 2 });
  return { ...event, preimage: Buffer.from(preimage).toString('hex') };
}
