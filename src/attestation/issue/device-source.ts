import type { Attestation } from '../evidence/attestation.js';
import type { EvidenceSource, NsmRequest } from '../evidence/evidence-source.js';
import type { TeeVariant } from '../tee-variant.js';
import { checkNsmRequest } from './nsm-client.js';
import { checkReportData } from './report-data.js';
import { createSerialQueue } from './serial-queue.js';

/** What is particular about the evidence of one kind of device. */
export interface DeviceOperations {
  readonly variant: TeeVariant;
  /** Over a copy of 64 bytes of report data. Has to bound itself: the device is busy until it settles. */
  readonly attest: (reportData: Buffer) => Promise<Attestation>;
  /** Over a checked copy of the request; null where there is no NSM. As `attest`. */
  readonly nsmDocument: ((request: NsmRequest) => Promise<Uint8Array>) | null;
  readonly emitEvent: EvidenceSource['emitEvent'];
}

export interface DeviceTurns {
  /** Milliseconds a caller waits for its turn and its evidence. */
  readonly deadlineMs: number;
  /** Requests that may wait for the device while it serves another. */
  readonly maxWaiting: number;
}

/**
 * The evidence source of a device that serves one operation at a time, whoever calls it, through the quote service or not (decision 0007).
 * Its callers hear DEVICE_BUSY when too many wait and DEVICE_TIMEOUT at the deadline or when their signal aborts; what was begun for
 * them keeps its turn until it ends. Arguments are checked, and copied, before the wait.
 */
export function createDeviceSource({ variant, attest, nsmDocument, emitEvent }: DeviceOperations, { deadlineMs, maxWaiting }: DeviceTurns): EvidenceSource {
  const queue = createSerialQueue({ maxWaiting });
  const inTurn = <T>(task: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> => queue.run(task, { deadlineMs, signal: signal ?? null, waitsFor: 'result' });
  return {
    variant,
    development: false,
    async attest(reportData, signal) {
      const bound = checkReportData(reportData);
      return inTurn(() => attest(bound), signal);
    },
    nsmDocument:
      nsmDocument === null
        ? null
        : async (request, signal) => {
            const checked = checkNsmRequest(request);
            return inTurn(() => nsmDocument(checked), signal);
          },
    emitEvent,
  };
}
