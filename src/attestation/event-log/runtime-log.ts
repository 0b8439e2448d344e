import type { RuntimeEvent } from '../evidence/attestation.js';
import { MAX_EVENTS, MAX_LOG_CHARS } from './limits.js';
import { jsonObject, jsonText, jsonVersion, malformedLog } from './log-error.js';

/**
 * One line of `/run/log/dstack/runtime_events.log` with its newline: payload in padded base64 (hex is the
 * TDX event log's), `version` only when 2 (spec/attestation.md section 2.3).
 */
export function formatRuntimeLogLine(event: RuntimeEvent): string {
  const payload = Buffer.from(event.payload).toString('base64');
  return `${JSON.stringify({ event: event.event, payload, ...(event.version === 2 ? { version: 2 } : {}) })}\n`;
}

/**
 * Reads the run-time event log; blank lines are skipped, any other bad line spoils the whole log, since a
 * log with a hole replays to nothing. At most 10 MiB and 16 384 events.
 * @throws VerificationError EVENT_LOG_MALFORMED naming the line
 */
export function parseRuntimeLog(text: string): RuntimeEvent[] {
  if (text.length > MAX_LOG_CHARS) malformedLog(`more than ${MAX_LOG_CHARS} characters`);
  const events: RuntimeEvent[] = [];
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    if (events.length >= MAX_EVENTS) malformedLog(`more than ${MAX_EVENTS} events`);
    events.push(runtimeEvent(line, `line ${i + 1}`));
  }
  return events;
}

function runtimeEvent(line: string, what: string): RuntimeEvent {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (cause) {
    malformedLog(`${what} is not JSON`, { cause });
  }
  const item = jsonObject(parsed, what);
  return {
    event: jsonText(item['event'], `event of ${what}`),
    payload: base64(item['payload'], `payload of ${what}`),
    version: jsonVersion(item['version'], `version of ${what}`),
  };
}

function base64(value: unknown, what: string): Uint8Array {
  if (typeof value !== 'string') return malformedLog(`${what} is not a string`);
  const bytes = Buffer.from(value, 'base64');
  // Node ignores what is not base64; only text that comes back the same was base64.
  return bytes.toString('base64') === value ? Uint8Array.from(bytes) : malformedLog(`${what} is not padded base64`);
}
