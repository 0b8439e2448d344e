import { RUNTIME_EVENT_TYPE } from '../event-log/runtime-event.js';
import { parseEventLog } from '../event-log/tdx-event-json.js';
import type { Attestation } from '../evidence/attestation.js';
import { parseQuote } from '../tdx/quote.js';
import { wireFor } from '../wire/decode.js';

/**
 * The attestation that the pair of a TDX quote and an event log in older certificates stands for: every
 * run-time event counts, whichever register it names, and the report data are the quote's own
 * (spec/attestation.md section 9.2).
 * @throws VerificationError EVENT_LOG_MALFORMED, QUOTE_…
 */
export function legacyAttestation(quote: Uint8Array, eventLogJson: string): Attestation {
  const eventLog = parseEventLog(eventLogJson);
  const runtimeEvents = eventLog
    .filter((event) => event.eventType === RUNTIME_EVENT_TYPE)
    .map(({ event, eventPayload, version }) => ({ event, payload: eventPayload, version }));
  const { reportData } = parseQuote(quote).report;
  return {
    wire: wireFor(runtimeEvents),
    platform: { kind: 'tdx', quote, eventLog },
    stack: { kind: 'dstack', reportData, runtimeEvents, config: '', reportDataPayload: null },
  };
}
