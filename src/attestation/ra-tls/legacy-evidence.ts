import { gunzipSync } from 'node:zlib';
import { VerificationError } from '../../errors/verification-error.js';
import { RUNTIME_EVENT_TYPE } from '../event-log/runtime-event.js';
import { parseEventLog } from '../event-log/tdx-event-json.js';
import type { Attestation } from '../evidence/attestation.js';
import { parseQuote } from '../tdx/quote.js';

/** Marks an event log that is compressed, and how large one may become (spec/kms.md section 5). */
const GZIP_MAGIC = Buffer.from('ELGZv1', 'latin1');
const MAX_INFLATED_BYTES = 16_384;

/**
 * The attestation that the pair of a TDX quote and an event log in older certificates stands for: every
 * run-time event counts, whichever register it names, and the report data are the quote's own
 * (spec/attestation.md section 9.2).
 * @throws VerificationError CERTIFICATE_EXTENSION_MALFORMED, EVENT_LOG_MALFORMED, QUOTE_…
 */
export function legacyAttestation(quote: Uint8Array, eventLogContent: Uint8Array): Attestation {
  const eventLog = parseEventLog(eventLogText(eventLogContent));
  const runtimeEvents = eventLog
    .filter((event) => event.eventType === RUNTIME_EVENT_TYPE)
    .map(({ event, eventPayload, version }) => ({ event, payload: eventPayload, version }));
  const { reportData } = parseQuote(quote).report;
  return {
    wire: runtimeEvents.some((event) => event.version === 2) ? 'v1' : 'v0',
    platform: { kind: 'tdx', quote, eventLog },
    stack: { kind: 'dstack', reportData, runtimeEvents, config: '', reportDataPayload: null },
  };
}

function eventLogText(content: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(inflated(content));
  } catch (cause) {
    throw new VerificationError('CERTIFICATE_EXTENSION_MALFORMED', 'the event log extension is malformed', { cause });
  }
}

function inflated(content: Uint8Array): Uint8Array {
  if (!GZIP_MAGIC.equals(content.subarray(0, GZIP_MAGIC.length))) return content;
  return gunzipSync(content.subarray(GZIP_MAGIC.length), { maxOutputLength: MAX_INFLATED_BYTES });
}
