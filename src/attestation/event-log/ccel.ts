import type { TdxEvent } from '../evidence/attestation.js';
import { MAX_EVENTS } from './limits.js';
import { malformedLog } from './log-error.js';

/** Any count or length in the table (spec/attestation.md section 2.1). */
const MAX_FIELD = 65_536;
/** The whole ACPI table data area; the recorded one is 64 KiB. */
const MAX_TABLE_BYTES = 4 * 1024 * 1024;

const TERMINATOR = 0xffff_ffff;
const EV_NO_ACTION = 3;

/** TPM_ALG_ID to digest size; the header's own table is not consulted. */
const DIGEST_SIZES: ReadonlyMap<number, number> = new Map([
  [0x0004, 20],
  [0x000b, 32],
  [0x000c, 48],
  [0x000d, 64],
]);

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
  if (table.length > MAX_TABLE_BYTES) malformedLog(`more than ${MAX_TABLE_BYTES} bytes`);
  const cursor = new Cursor(table);
  skipHeader(cursor);
  const events: TdxEvent[] = [];
  while (cursor.peekU32() !== TERMINATOR) {
    if (events.length >= MAX_EVENTS) malformedLog(`more than ${MAX_EVENTS} events`);
    const event = readEvent(cursor);
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

/** The first record has the old SHA-1 layout and holds the Spec ID event. */
function skipHeader(cursor: Cursor): void {
  cursor.u32();
  if (cursor.u32() !== EV_NO_ACTION) malformedLog('first record is no Spec ID event');
  cursor.take(20);
  const header = cursor.take(cursor.length('size of the Spec ID event'));
  if (!Buffer.from(header.subarray(0, 16)).equals(Buffer.from('Spec ID Event03\0', 'latin1'))) malformedLog('first record is no Spec ID event');
}

function readEvent(cursor: Cursor): TdxEvent | null {
  const register = cursor.u32();
  const eventType = cursor.u32();
  const digests: Uint8Array[] = [];
  const count = cursor.length('digest count');
  for (let i = 0; i < count; i++) {
    const size = DIGEST_SIZES.get(cursor.u16()) ?? malformedLog('unknown digest algorithm');
    digests.push(cursor.take(size).slice());
  }
  const payload = cursor.take(cursor.length('event size')).slice();
  if (register === 0) return null;
  const [digest] = digests;
  if (digest === undefined || digests.length !== 1) return malformedLog(`event with ${digests.length} digests`);
  if (register > 4) return malformedLog(`event of measurement register ${register}`);
  return { imr: register - 1, eventType, digest, event: '', eventPayload: payload, version: 1, preimage: null };
}

/** Bounded little-endian reads. */
class Cursor {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    // A plain Uint8Array even when given a Buffer, whose slice() does not copy.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  take(length: number): Uint8Array {
    const at = this.#at;
    if (length > this.#bytes.length - at) malformedLog('truncated');
    this.#at = at + length;
    return this.#bytes.subarray(at, at + length);
  }

  u16(): number {
    this.take(2);
    return this.#view.getUint16(this.#at - 2, true);
  }

  u32(): number {
    this.take(4);
    return this.#view.getUint32(this.#at - 4, true);
  }

  peekU32(): number {
    const value = this.u32();
    this.#at -= 4;
    return value;
  }

  /** A count or length, at most MAX_FIELD. */
  length(what: string): number {
    const value = this.u32();
    return value <= MAX_FIELD ? value : malformedLog(`${what} is more than ${MAX_FIELD}`);
  }
}
