import { EvidenceSourceError } from '../../errors/evidence-source-error.js';
import type { NativeBinding } from '../../native/binding.js';
import { parseCcel } from '../event-log/ccel.js';
import { replayRuntimeEvents } from '../event-log/replay.js';
import { RUNTIME_IMR, asTdxEvent } from '../event-log/runtime-event.js';
import type { Attestation, RuntimeEvent, TdxEvent } from '../evidence/attestation.js';
import type { EvidenceSource } from '../evidence/evidence-source.js';
import { wireFor } from '../wire/decode.js';
import { readBounded } from './device-file.js';
import { extendRtmr } from './extend-rtmr.js';
import { checkReportData } from './report-data.js';
import { RUNTIME_EVENT_PATHS, createRuntimeEventLog, type RuntimeEventPaths } from './runtime-events.js';
import { createSerialQueue } from './serial-queue.js';
import { createTdxQuoter, type TdxQuote } from './tdx-quote.js';
import type { TsmPaths } from './tsm-entry.js';

/** The table area is 64 KiB on real machines. */
const MAX_CCEL_BYTES = 4 * 1024 * 1024;

export interface TdxPaths {
  readonly tsm: TsmPaths;
  /** `/dev/tdx_guest`. */
  readonly tdxGuest: string;
  /** Names the vsock port of the host's quote generation service; used where there is no configfs-tsm. */
  readonly qgsConfig: string;
  readonly rtmrSysfs: string;
  /** Value of `DCAP_TDX_RTMR_SYSFS_PATH`, or null when it is not set. */
  readonly rtmrSysfsOverride: string | null;
  /** Boot event log; `DSTACK_CCEL_FILE` overrides it. */
  readonly ccel: string;
  readonly runtimeEvents: RuntimeEventPaths;
}

export const TDX_PATHS: TdxPaths = {
  tsm: { base: '/sys/kernel/config/tsm/report', entryName: 'com.intel.dcap', override: null },
  tdxGuest: '/dev/tdx_guest',
  qgsConfig: '/etc/tdx-attest.conf',
  rtmrSysfs: '/sys/devices/virtual/misc/tdx_guest/measurements',
  rtmrSysfsOverride: null,
  ccel: '/sys/firmware/acpi/tables/data/CCEL',
  runtimeEvents: RUNTIME_EVENT_PATHS,
};

/** Milliseconds. */
export interface TdxTimes {
  /** Pauses of the quote procedure (spec/attestation.md section 1.1). */
  readonly busyWaitMs: number;
  readonly pollIntervalMs: number;
  readonly generationWaitMs: number;
  /** One quote, its pauses included. */
  readonly quoteDeadlineMs: number;
  /** A caller's wait for its turn and its attestation. */
  readonly attestDeadlineMs: number;
  readonly extendDeadlineMs: number;
  /** How long another process may hold the event lock. */
  readonly lockDeadlineMs: number;
  /** How long an emission may wait for those before it. */
  readonly emitTurnDeadlineMs: number;
}

export const TDX_TIMES: TdxTimes = {
  busyWaitMs: 10_000,
  pollIntervalMs: 10,
  generationWaitMs: 5_000,
  quoteDeadlineMs: 60_000,
  attestDeadlineMs: 120_000,
  extendDeadlineMs: 5_000,
  lockDeadlineMs: 30_000,
  emitTurnDeadlineMs: 60_000,
};

export interface TdxDeviceOptions {
  readonly native: NativeBinding;
  readonly paths: TdxPaths;
  readonly times: TdxTimes;
  /** `vm_config` of the system configuration, as it stands there; "" when there is none. */
  readonly config: string;
  /** Requests that may wait for the device while it serves another. */
  readonly maxWaiting: number;
}

/** Evidence of an Intel TDX guest on dstack's own machines (spec/attestation.md section 1.10). */
export function createTdxEvidenceSource(options: TdxDeviceOptions): EvidenceSource {
  const { native, paths, times, maxWaiting } = options;
  const queue = createSerialQueue({ maxWaiting });
  const quote = createTdxQuoter(options);
  const events = createRuntimeEventLog({
    native,
    paths: paths.runtimeEvents,
    extend: (digest) =>
      extendRtmr(
        { native, sysfs: paths.rtmrSysfs, sysfsOverride: paths.rtmrSysfsOverride, tdxGuest: paths.tdxGuest, deadlineMs: times.extendDeadlineMs },
        RUNTIME_IMR,
        digest,
      ),
    lockDeadlineMs: times.lockDeadlineMs,
    turnDeadlineMs: times.emitTurnDeadlineMs,
    maxWaiting,
  });

  async function measured(reportData: Buffer): Promise<Measured> {
    const quoted = await quote(reportData);
    return { quote: quoted, events: await events.read() };
  }

  async function attestNow(reportData: Buffer): Promise<Attestation> {
    const bootEvents = await readBootEvents(paths.ccel);
    let found = await measured(reportData);
    // An event emitted in between is in one of the two only; the second look keeps emitters out.
    if (!agrees(found)) found = await events.locked(() => measured(reportData));
    if (!agrees(found)) {
      throw new EvidenceSourceError('DEVICE_FAILED', 'RTMR3 is not what the run-time event log says: something measured without logging, or the reverse');
    }
    return assemble(found, bootEvents, reportData, options.config);
  }

  return {
    variant: 'dstack-tdx',
    development: false,
    nsmDocument: null,
    emitEvent: events.emit,
    attest: async (reportData, signal) => {
      const bound = checkReportData(reportData);
      return queue.run(() => attestNow(bound), { deadlineMs: times.attestDeadlineMs, signal: signal ?? null, waitsFor: 'result' });
    },
  };
}

interface Measured {
  readonly quote: TdxQuote;
  readonly events: readonly RuntimeEvent[];
}

function agrees({ quote, events }: Measured): boolean {
  return Buffer.from(replayRuntimeEvents(events, 'sha384')).equals(quote.report.rtmrs[RUNTIME_IMR]);
}

async function readBootEvents(path: string): Promise<TdxEvent[]> {
  const table = await readBounded(path, MAX_CCEL_BYTES);
  if (table === null) throw new EvidenceSourceError('DEVICE_ABSENT', `no boot event log at ${path}`);
  try {
    return parseCcel(table);
  } catch (cause) {
    throw new EvidenceSourceError('DEVICE_FAILED', `${path} cannot be read as a boot event log`, { cause });
  }
}

function assemble({ quote, events }: Measured, bootEvents: readonly TdxEvent[], reportData: Buffer, config: string): Attestation {
  const eventLog = [...bootEvents, ...events.map((event) => asTdxEvent(event, { withPreimage: true }))];
  return {
    wire: wireFor(events),
    platform: { kind: 'tdx', quote: quote.bytes, eventLog },
    stack: { kind: 'dstack', reportData, runtimeEvents: events, config, reportDataPayload: null },
  };
}
