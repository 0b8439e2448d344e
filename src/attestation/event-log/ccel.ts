import type { TdxEvent } from '../evidence/attestation.js';
import { MAX_EVENTS } from './limits.js';
import { malformedLog } from './log-error.js';
import { TcgLogReader, type TcgRecord } from './tcg-log.js';

const END_MARK = 0xffff_ffff;

/** Names of the ACPI DATA events, in order of appearance. */
const ACPI_NAMES = ['acpi-loader', 'acpi-rsdp', 'acpi-tables'] as const;
const EV_PLATFORM_CONFIG_FLAGS = 10;
export const ACPI_DATA = Buffer.from('ACPI DATA', 'latin1');

/**
 * Parses the ACPI CCEL event log (TCG crypto-agile format, spec/attestation.md section 2.1) into boot
 * events, ACPI DATA events labelled. Events of measurement register 0 (MRTD) are dropped and the others'
 * indices made those of the RTMRs.
 * @throws VerificationError EVENT_LOG_MALFORMED when truncated, unterminated or out of bounds
 */
export function parseCcel(table: Uint8Array): TdxEvent[] {
  const reader = new TcgLogReader(table);
  const events: TdxEvent[] = [];
  for (let count = 0; reader.peek() !== END_MARK; count++) {
    if (count >= MAX_EVENTS) malformedLog(`more than ${MAX_EVENTS} events`);
    const event = bootEvent(reader.record());
    if (event !== null) events.push(event);
  }
  return labelAcpiEvents(events);
}

/** True for the three kinds of events whose payload is the marker text `ACPI DATA`. */
export function isAcpiData(event: TdxEvent): boolean {
  return event.imr === 0 && event.eventType === EV_PLATFORM_CONFIG_FLAGS && ACPI_DATA.equals(event.eventPayload);
}

function labelAcpiEvents(events: readonly TdxEvent[]): TdxEvent[] {
  let seen = 0;
  return events.map((event) => (isAcpiData(event) ? { ...event, event: ACPI_NAMES[seen++] ?? '' } : event));
}

function bootEvent({ register, eventType, digests: [first, ...more], payload }: TcgRecord): TdxEvent | null {
  if (register === 0) return null;
  if (first === undefined || more.length > 0) return malformedLog('event without exactly one digest');
  if (register > 4) return malformedLog(`event of measurement register ${register}`);
  return { imr: register - 1, eventType, digest: first.digest, event: '', eventPayload: payload, version: 1, preimage: null };
}
