import { open, type FileHandle } from 'node:fs/promises';
import { EvidenceSourceError } from '../../errors/evidence-source-error.js';
import { ServiceError, invalidArgument } from '../../errors/service-error.js';
import type { NativeBinding } from '../../native/binding.js';
import { eventDigest } from '../event-log/runtime-event.js';
import { formatRuntimeLogLine, parseRuntimeLog } from '../event-log/runtime-log.js';
import { MAX_LOG_CHARS } from '../event-log/limits.js';
import type { RuntimeEvent } from '../evidence/attestation.js';
import { readBounded, systemCode } from './device-file.js';
import { createSerialQueue } from './serial-queue.js';

/**
 * A log beyond these bounds could not travel in an attestation any more (10 MiB), so an application that emits without
 * end would end all evidence of its machine. By event version: a V1 payload is in the attestation twice, a V2 payload
 * six times, as its preimage is the hex of a text with the payload in hex; the log has it in base64.
 */
const MAX_LOG_BYTES = { 1: 4 * 1024 * 1024, 2: 1.5 * 1024 * 1024 } as const;
const MAX_LOG_EVENTS = 8192;

const LOCK_POLL_MS = 10;

export interface RuntimeEventPaths {
  readonly log: string;
  readonly version: string;
  readonly lock: string;
}

export const RUNTIME_EVENT_PATHS: RuntimeEventPaths = {
  log: '/run/log/dstack/runtime_events.log',
  version: '/run/log/dstack/runtime_event_version',
  lock: '/run/log/dstack/runtime_event.lock',
};

export interface RuntimeEventOptions {
  readonly native: Pick<NativeBinding, 'lockFile'>;
  readonly paths: RuntimeEventPaths;
  /** Extends the register that backs the log with the event's SHA-384 digest, and others with what is theirs of the event. */
  readonly extend: (digest: Uint8Array, event: RuntimeEvent) => Promise<void>;
  /** Milliseconds another process may keep the lock. */
  readonly lockDeadlineMs: number;
  /** Milliseconds an emission may wait for those before it; once begun, it is brought to its end. */
  readonly turnDeadlineMs: number;
  readonly maxWaiting: number;
}

/** The run-time event log and the register behind it (spec/attestation.md sections 1.5 and 2.3). */
export interface RuntimeEventLog {
  /** All events so far; none when there is no log yet. */
  read(): Promise<RuntimeEvent[]>;
  /**
   * Measures the event, then logs it. When this rejects, nothing was logged, and nothing measured unless the
   * error says so.
   * @throws ServiceError INVALID_ARGUMENT for a name that is not Unicode, RESOURCE_EXHAUSTED when the log is full
   * @throws EvidenceSourceError
   */
  emit(event: string, payload: Uint8Array): Promise<void>;
  /** Runs `task` while nobody on the system, this process included, measures or logs an event. */
  locked<T>(task: () => Promise<T>): Promise<T>;
}

export function createRuntimeEventLog(options: RuntimeEventOptions): RuntimeEventLog {
  const { native, paths } = options;
  // So that one thread of the pool, not all of them, waits for another process.
  const queue = createSerialQueue({ maxWaiting: options.maxWaiting });

  async function underLock<T>(task: () => Promise<T>): Promise<T> {
    const lock = await native.lockFile({ path: paths.lock, pollIntervalMs: LOCK_POLL_MS, deadlineMs: options.lockDeadlineMs });
    try {
      return await task();
    } finally {
      lock.release();
    }
  }
  const locked = <T>(task: () => Promise<T>): Promise<T> =>
    queue.run(() => underLock(task), { deadlineMs: options.turnDeadlineMs, signal: null, waitsFor: 'turn' });

  return {
    locked,
    read: async () => parse(await readLog(paths.log), paths.log),
    emit: async (event, payload) => {
      if (/\p{Cs}/u.test(event)) throw invalidArgument('event: not well-formed Unicode');
      await locked(() => measureAndLog(options, event, payload.slice()));
    },
  };
}

async function measureAndLog(options: RuntimeEventOptions, name: string, payload: Uint8Array): Promise<void> {
  const { paths } = options;
  const event: RuntimeEvent = { event: name, payload, version: await readVersion(paths.version) };
  // Opened and checked before anything is measured: a register cannot be taken back.
  const file = await openLog(paths.log);
  try {
    const text = await readLog(paths.log);
    const line = `${text === '' || text.endsWith('\n') ? '' : '\n'}${formatRuntimeLogLine(event)}`;
    const maxBytes = MAX_LOG_BYTES[event.version];
    if (parse(text, paths.log).length >= MAX_LOG_EVENTS || Buffer.byteLength(text) + Buffer.byteLength(line) > maxBytes) {
      throw new ServiceError('RESOURCE_EXHAUSTED', `the run-time event log is full (${MAX_LOG_EVENTS} events, ${maxBytes} bytes)`);
    }
    await options.extend(eventDigest(event, 'sha384'), event);
    await file.appendFile(line);
  } catch (error) {
    if (systemCode(error) === null || error instanceof EvidenceSourceError || error instanceof ServiceError) throw error;
    throw new EvidenceSourceError('DEVICE_FAILED', `the event was measured but cannot be written to ${paths.log}`, { cause: error });
  } finally {
    await file.close();
  }
}

async function openLog(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'a', 0o600);
  } catch (cause) {
    throw new EvidenceSourceError('DEVICE_FAILED', `cannot open ${path}`, { cause });
  }
}

/** System setup writes it once per boot; until then nothing may be emitted. */
async function readVersion(path: string): Promise<1 | 2> {
  const bytes = await readBounded(path, 16);
  if (bytes === null) throw new EvidenceSourceError('DEVICE_ABSENT', `no event log version yet: ${path}`);
  const text = Buffer.from(bytes).toString('latin1').trim();
  if (text === '1') return 1;
  if (text === '2') return 2;
  throw new EvidenceSourceError('DEVICE_FAILED', `${path} is neither 1 nor 2`);
}

async function readLog(path: string): Promise<string> {
  const bytes = await readBounded(path, MAX_LOG_CHARS);
  return bytes === null ? '' : Buffer.from(bytes).toString('utf8');
}

function parse(text: string, path: string): RuntimeEvent[] {
  try {
    return parseRuntimeLog(text);
  } catch (cause) {
    throw new EvidenceSourceError('DEVICE_FAILED', `${path} cannot be read as a run-time event log`, { cause });
  }
}
