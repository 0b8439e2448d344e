import { sha256 } from '../../crypto/sha256.js';
import { EvidenceSourceError } from '../../errors/evidence-source-error.js';
import { replayRuntimeEvents } from '../event-log/replay.js';
import { eventDigest } from '../event-log/runtime-event.js';
import { parseTpmLog } from '../event-log/tpm-log.js';
import type { Attestation, RuntimeEvent, TpmEvent } from '../evidence/attestation.js';
import type { EvidenceSource } from '../evidence/evidence-source.js';
import { parseTpmAttest, type TpmAttest } from '../tpm/attest.js';
import { wireFor } from '../wire/decode.js';
import { readBounded } from './device-file.js';
import { createDeviceSource } from './device-source.js';
import { createSerialQueue } from './serial-queue.js';
import { createTdxEventLog, type TdxDeviceOptions } from './tdx-device.js';
import { fullEventLog, lookUntilAgreed, readBootEvents, rtmr3Agrees, type Measured } from './tdx-logs.js';
import { createTdxQuoter } from './tdx-quote.js';
import { withTpm, type TpmClient, type TpmOptions } from './tpm/client.js';
import { extendPcr } from './tpm/pcr.js';
import { makeTpmQuote, type BareTpmQuote } from './tpm/quote.js';

/** What the run-time events extend beside RTMR3. */
const RUNTIME_PCR = 14;
const MAX_FIRMWARE_LOG_BYTES = 4 * 1024 * 1024;

export interface GcpTdxDeviceOptions extends TdxDeviceOptions {
  readonly tpm: Omit<TpmOptions, 'native'>;
  /** `/sys/kernel/security/tpm0/binary_bios_measurements`. */
  readonly firmwareLog: string;
}

export const GCP_TPM_DEFAULTS = {
  tpm: { devices: ['/dev/tpmrm0', '/dev/tpm0'], commandDeadlineMs: 20_000, retryWaitMs: 20 },
  firmwareLog: '/sys/kernel/security/tpm0/binary_bios_measurements',
} as const;

/**
 * Evidence of an Intel TDX guest on Google's cloud: a TDX quote and a quote of the vTPM over its hash, of one and the same state
 * of the event log (spec/attestation.md sections 1.7 and 1.10).
 */
export function createGcpTdxEvidenceSource(options: GcpTdxDeviceOptions): EvidenceSource {
  const { paths, times, maxWaiting } = options;
  const quote = createTdxQuoter(options);
  const tpm: TpmOptions = { ...options.tpm, native: options.native };
  // One at a time within this process: a TPM has few places for keys, and without a resource manager one user.
  const turns = createSerialQueue({ maxWaiting });
  const useTpm = <T>(work: (client: TpmClient) => Promise<T>): Promise<T> =>
    turns.run(() => withTpm(tpm, work), { deadlineMs: times.attestDeadlineMs, signal: null, waitsFor: 'turn' });
  // The TPM is opened first, so that RTMR3 is not extended where PCR 14 cannot be.
  const log = createTdxEventLog(options, (event, rtmr3) => useTpm((client) => extendBoth(client, event, rtmr3)));

  async function look(reportData: Buffer): Promise<BothMeasured> {
    const made = await quote(reportData);
    const bare = await useTpm((client) => makeTpmQuote(client, sha256(made.bytes)));
    return { quote: made, tpmQuote: bare, attest: attestOf(bare, made.bytes), events: await log.read() };
  }

  async function attest(reportData: Buffer): Promise<Attestation> {
    const [bootEvents, eventLog] = [await readBootEvents(paths.ccel), await readFirmwareLog(options.firmwareLog)];
    const { quote: made, tpmQuote, events } = await lookUntilAgreed(log, () => look(reportData), agrees);
    return {
      wire: wireFor(events),
      platform: { kind: 'gcp-tdx', quote: made.bytes, eventLog: fullEventLog(bootEvents, events), tpmQuote: { ...tpmQuote, platform: 'gcp', eventLog } },
      stack: { kind: 'dstack', reportData, runtimeEvents: events, config: options.config, reportDataPayload: null },
    };
  }

  return createDeviceSource({ variant: 'dstack-gcp-tdx', attest, nsmDocument: null, emitEvent: log.emit }, { deadlineMs: times.attestDeadlineMs, maxWaiting });
}

/** RTMR3, then PCR 14 (spec/attestation.md section 2.3). */
async function extendBoth(client: TpmClient, event: RuntimeEvent, rtmr3: () => Promise<void>): Promise<void> {
  await rtmr3();
  try {
    await extendPcr(client, RUNTIME_PCR, eventDigest(event, 'sha256'));
  } catch (cause) {
    throw new EvidenceSourceError('DEVICE_FAILED', `the event was measured in RTMR3 but cannot be in PCR ${RUNTIME_PCR}`, { cause });
  }
}

interface BothMeasured extends Measured {
  readonly tpmQuote: BareTpmQuote;
  readonly attest: TpmAttest;
}

/** Registers of both, the PCR values read after the quote, and the log: all of one moment? */
function agrees(found: BothMeasured): boolean {
  const { pcrValues } = found.tpmQuote;
  const pcr14 = pcrValues.find(({ index }) => index === RUNTIME_PCR)?.value ?? new Uint8Array();
  return (
    rtmr3Agrees(found) &&
    Buffer.from(replayRuntimeEvents(found.events, 'sha256')).equals(pcr14) &&
    Buffer.compare(sha256(...pcrValues.map(({ value }) => value)), found.attest.pcrDigest) === 0
  );
}

function attestOf({ message }: BareTpmQuote, tdxQuote: Uint8Array): TpmAttest {
  let attest: TpmAttest;
  try {
    attest = parseTpmAttest(message);
  } catch (cause) {
    throw new EvidenceSourceError('DEVICE_FAILED', 'the TPM gave a malformed quote', { cause });
  }
  if (Buffer.compare(sha256(tdxQuote), attest.extraData) === 0) return attest;
  throw new EvidenceSourceError('DEVICE_FAILED', 'the quote of the TPM is about other data than was asked for');
}

async function readFirmwareLog(path: string): Promise<TpmEvent[]> {
  const bytes = await readBounded(path, MAX_FIRMWARE_LOG_BYTES);
  if (bytes === null) throw new EvidenceSourceError('DEVICE_ABSENT', `no firmware event log at ${path}`);
  try {
    return parseTpmLog(bytes);
  } catch (cause) {
    throw new EvidenceSourceError('DEVICE_FAILED', `${path} cannot be read as a firmware event log`, { cause });
  }
}
