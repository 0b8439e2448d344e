import type { NativeBinding } from '../../native/binding.js';
import { RUNTIME_IMR } from '../event-log/runtime-event.js';
import type { Attestation, RuntimeEvent } from '../evidence/attestation.js';
import type { EvidenceSource } from '../evidence/evidence-source.js';
import { wireFor } from '../wire/decode.js';
import { createDeviceSource } from './device-source.js';
import { extendRtmr } from './extend-rtmr.js';
import { RUNTIME_EVENT_PATHS, createRuntimeEventLog, type RuntimeEventLog, type RuntimeEventPaths } from './runtime-events.js';
import { fullEventLog, lookUntilAgreed, readBootEvents, rtmr3Agrees } from './tdx-logs.js';
import { createTdxQuoter } from './tdx-quote.js';
import type { TsmPaths } from './tsm-entry.js';

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

/**
 * The run-time events of a TDX guest, measured in RTMR3.
 * @param extend calls its second argument, which extends RTMR3, and then measures the event wherever else it belongs
 */
export function createTdxEventLog(options: TdxDeviceOptions, extend: (event: RuntimeEvent, rtmr3: () => Promise<void>) => Promise<void>): RuntimeEventLog {
  const { native, paths, times, maxWaiting } = options;
  const registers = { native, sysfs: paths.rtmrSysfs, sysfsOverride: paths.rtmrSysfsOverride, tdxGuest: paths.tdxGuest, deadlineMs: times.extendDeadlineMs };
  return createRuntimeEventLog({
    native,
    paths: paths.runtimeEvents,
    extend: (digest, event) => extend(event, () => extendRtmr(registers, RUNTIME_IMR, digest)),
    lockDeadlineMs: times.lockDeadlineMs,
    turnDeadlineMs: times.emitTurnDeadlineMs,
    maxWaiting,
  });
}

/** Evidence of an Intel TDX guest on dstack's own machines (spec/attestation.md section 1.10). */
export function createTdxEvidenceSource(options: TdxDeviceOptions): EvidenceSource {
  const { paths, times, maxWaiting } = options;
  const quote = createTdxQuoter(options);
  const log = createTdxEventLog(options, (_, rtmr3) => rtmr3());

  async function attest(reportData: Buffer): Promise<Attestation> {
    const bootEvents = await readBootEvents(paths.ccel);
    const look = async () => ({ quote: await quote(reportData), events: await log.read() });
    const { quote: made, events } = await lookUntilAgreed(log, look, rtmr3Agrees);
    return {
      wire: wireFor(events),
      platform: { kind: 'tdx', quote: made.bytes, eventLog: fullEventLog(bootEvents, events) },
      stack: { kind: 'dstack', reportData, runtimeEvents: events, config: options.config, reportDataPayload: null },
    };
  }

  return createDeviceSource({ variant: 'dstack-tdx', attest, nsmDocument: null, emitEvent: log.emit }, { deadlineMs: times.attestDeadlineMs, maxWaiting });
}
