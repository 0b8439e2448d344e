import { setTimeout as delay } from 'node:timers/promises';
import { EvidenceSourceError } from '../../../errors/evidence-source-error.js';
import { VerificationError } from '../../../errors/verification-error.js';
import type { NativeBinding, TpmDevice } from '../../../native/binding.js';
import { TpmReader } from '../../tpm/reader.js';
import { exists } from '../device-file.js';
import { TPM_RC_AGAIN, TPM_ST } from './constants.js';
import { encodeTpmCommand, type TpmCommand } from './marshal.js';

/** Times a command is sent before a TPM that keeps saying "again" counts as busy. */
const TRIES = 5;

export interface TpmOptions {
  readonly native: Pick<NativeBinding, 'openTpm'>;
  /** Device files in order of preference: `/dev/tpmrm0`, `/dev/tpm0`. */
  readonly devices: readonly string[];
  /** Milliseconds: one command, or the wait for a device that is open elsewhere. */
  readonly commandDeadlineMs: number;
  /** Milliseconds before a command is sent again; doubled each time. */
  readonly retryWaitMs: number;
}

/** Commands to a TPM whose device file is open. */
export interface TpmClient {
  /**
   * Sends `command` and reads the parameters of its response, given without header and parameter size. A response code
   * other than success is an error that has it in its text; TPM_RC_RETRY and its like are asked again a few times.
   * @throws EvidenceSourceError
   */
  run<T>(command: TpmCommand, read: (parameters: TpmReader) => T): Promise<T>;
  /** As `run`, for a command whose response begins with a handle, which the caller has to flush. */
  load(command: TpmCommand): Promise<number>;
}

/**
 * Opens the first of the device files that exists for the time of `work`.
 * @throws EvidenceSourceError DEVICE_ABSENT without any of them
 */
export async function withTpm<T>(options: TpmOptions, work: (tpm: TpmClient) => Promise<T>): Promise<T> {
  const device = await options.native.openTpm({ devicePath: await firstExisting(options.devices), deadlineMs: options.commandDeadlineMs });
  try {
    return await work(clientOf(device, options));
  } finally {
    await device.close();
  }
}

async function firstExisting(devices: readonly string[]): Promise<string> {
  for (const path of devices) if (await exists(path)) return path;
  throw new EvidenceSourceError('DEVICE_ABSENT', `no TPM: none of ${devices.join(', ')} exists`);
}

function clientOf(device: TpmDevice, options: TpmOptions): TpmClient {
  async function succeed(command: TpmCommand): Promise<Buffer> {
    const response = await transceive(device, command, options);
    const rc = response.readUInt32BE(6);
    if (rc !== 0) throw refused(command, rc);
    const tag = response.readUInt16BE(0);
    if (tag !== (command.authorized ? TPM_ST.sessions : TPM_ST.noSessions)) throw malformed(command, `the tag is 0x${tag.toString(16)}`);
    return response.subarray(10);
  }
  return {
    run: async (command, read) => {
      const body = await succeed(command);
      return readWith(command, () => read(parametersOf(body, command)));
    },
    load: async (command) => {
      const body = await succeed(command);
      return readWith(command, () => readerOf(body).u32());
    },
  };
}

async function transceive(device: TpmDevice, command: TpmCommand, { commandDeadlineMs, retryWaitMs }: TpmOptions): Promise<Buffer> {
  const bytes = encodeTpmCommand(command);
  for (let tries = 1, waitMs = retryWaitMs; ; tries++, waitMs *= 2) {
    const response = Buffer.from(await device.transceive({ command: bytes, deadlineMs: commandDeadlineMs }));
    const rc = response.readUInt32BE(6);
    if (!TPM_RC_AGAIN.has(rc)) return response;
    if (tries === TRIES) throw refused(command, rc, 'DEVICE_BUSY');
    await delay(waitMs);
  }
}

function readerOf(bytes: Uint8Array): TpmReader {
  return new TpmReader(bytes, 'TPM_ATTEST_MALFORMED', 'TPM response');
}

/** Everything behind the parameter size, the response's own authorisation area included; without sessions there is neither. */
function parametersOf(body: Buffer, { authorized }: TpmCommand): TpmReader {
  const reader = readerOf(body);
  if (authorized) reader.u32();
  return reader;
}

function readWith<T>(command: TpmCommand, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof VerificationError) throw malformed(command, error.message, error);
    throw error;
  }
}

function refused({ name, handles }: TpmCommand, rc: number, code: 'DEVICE_FAILED' | 'DEVICE_BUSY' = 'DEVICE_FAILED'): EvidenceSourceError {
  const about = handles.map((handle) => ` 0x${handle.toString(16)}`).join('');
  return new EvidenceSourceError(code, `the TPM refused ${name}${about}: response code 0x${rc.toString(16).padStart(8, '0')}`);
}

function malformed({ name }: TpmCommand, detail: string, cause?: unknown): EvidenceSourceError {
  return new EvidenceSourceError('DEVICE_FAILED', `the TPM gave a malformed response to ${name}: ${detail}`, { cause });
}
