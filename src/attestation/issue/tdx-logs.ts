import { EvidenceSourceError } from '../../errors/evidence-source-error.js';
import { parseCcel } from '../event-log/ccel.js';
import { replayRuntimeEvents } from '../event-log/replay.js';
import { RUNTIME_IMR, asTdxEvent } from '../event-log/runtime-event.js';
import type { RuntimeEvent, TdxEvent } from '../evidence/attestation.js';
import { readBounded } from './device-file.js';
import type { RuntimeEventLog } from './runtime-events.js';
import type { TdxQuote } from './tdx-quote.js';

/** The table area is 64 KiB on real machines. */
const MAX_CCEL_BYTES = 4 * 1024 * 1024;

/** A quote, and the run-time events its registers should be the sum of. */
export interface Measured {
  readonly quote: TdxQuote;
  readonly events: readonly RuntimeEvent[];
}

/** Is RTMR3 of the quote what the events lead to? */
export function rtmr3Agrees({ quote, events }: Measured): boolean {
  return Buffer.from(replayRuntimeEvents(events, 'sha384')).equals(quote.report.rtmrs[RUNTIME_IMR]);
}

/**
 * What `look` finds, once registers and log agree. An event emitted in between is in one of the two only: the second look keeps
 * emitters out.
 * @throws EvidenceSourceError DEVICE_FAILED when they disagree even so
 */
export async function lookUntilAgreed<T>(log: RuntimeEventLog, look: () => Promise<T>, agrees: (found: T) => boolean): Promise<T> {
  const found = await look();
  if (agrees(found)) return found;
  const again = await log.locked(look);
  if (agrees(again)) return again;
  throw new EvidenceSourceError('DEVICE_FAILED', 'the registers are not what the run-time event log says: something measured without logging, or the reverse');
}

/** The events of the CCEL table at `path`. @throws EvidenceSourceError */
export async function readBootEvents(path: string): Promise<TdxEvent[]> {
  const table = await readBounded(path, MAX_CCEL_BYTES);
  if (table === null) throw new EvidenceSourceError('DEVICE_ABSENT', `no boot event log at ${path}`);
  try {
    return parseCcel(table);
  } catch (cause) {
    throw new EvidenceSourceError('DEVICE_FAILED', `${path} cannot be read as a boot event log`, { cause });
  }
}

/** The full log: boot events, then run-time events with the preimages of V2 (spec/attestation.md section 2.2). */
export function fullEventLog(bootEvents: readonly TdxEvent[], events: readonly RuntimeEvent[]): TdxEvent[] {
  return [...bootEvents, ...events.map((event) => asTdxEvent(event, { withPreimage: true }))];
}
