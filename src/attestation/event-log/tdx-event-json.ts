import type { TdxEvent } from '../evidence/attestation.js';
import { MAX_EVENTS, MAX_LOG_CHARS } from './limits.js';
import { jsonObject, jsonText, jsonVersion, malformedLog } from './log-error.js';

/**
 * An event log as GetQuote answers it: a JSON array, compact, in field order, bytes as lower-case hex,
 * `version` only when 2 and `preimage` only when there is one (spec/attestation.md section 2.2).
 */
export function formatEventLog(events: readonly TdxEvent[]): string {
  return JSON.stringify(events.map(tdxEventJson));
}

/** One event in the JSON form of `formatEventLog`. */
export function tdxEventJson(event: TdxEvent): Readonly<Record<string, string | number>> {
  return {
    imr: event.imr,
    event_type: event.eventType,
    digest: Buffer.from(event.digest).toString('hex'),
    event: event.event,
    event_payload: Buffer.from(event.eventPayload).toString('hex'),
    ...(event.version === 2 ? { version: 2 } : {}),
    ...(event.preimage === null ? {} : { preimage: event.preimage }),
  };
}

/**
 * Reads what `formatEventLog` writes; `digest`, `version` and `preimage` may be missing, unknown keys are
 * ignored. At most 10 MiB of text and 16 384 events.
 * @throws VerificationError EVENT_LOG_MALFORMED naming the event and field
 */
export function parseEventLog(json: string): TdxEvent[] {
  if (json.length > MAX_LOG_CHARS) malformedLog(`more than ${MAX_LOG_CHARS} characters`);
  let list: unknown;
  try {
    list = JSON.parse(json);
  } catch (cause) {
    malformedLog('not JSON', { cause });
  }
  if (!Array.isArray(list)) return malformedLog('not an array');
  if (list.length > MAX_EVENTS) malformedLog(`more than ${MAX_EVENTS} events`);
  return list.map((item: unknown, i) => tdxEvent(jsonObject(item, `event ${i}`), `event ${i}`));
}

function tdxEvent(item: Readonly<Record<string, unknown>>, what: string): TdxEvent {
  const preimage = item['preimage'] ?? null;
  return {
    imr: u32(item['imr'], `imr of ${what}`),
    eventType: u32(item['event_type'], `event_type of ${what}`),
    digest: item['digest'] === undefined ? new Uint8Array() : hex(item['digest'], `digest of ${what}`),
    event: jsonText(item['event'], `event of ${what}`),
    eventPayload: hex(item['event_payload'], `event_payload of ${what}`),
    version: jsonVersion(item['version'], `version of ${what}`),
    preimage: preimage === null ? null : jsonText(preimage, `preimage of ${what}`),
  };
}

function u32(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 0xffff_ffff) return malformedLog(`${what} is not a u32`);
  return value;
}

function hex(value: unknown, what: string): Uint8Array {
  if (typeof value !== 'string' || value.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(value)) return malformedLog(`${what} is not hex`);
  return Uint8Array.from(Buffer.from(value, 'hex'));
}
