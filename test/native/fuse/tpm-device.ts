import { setTimeout as delay } from 'node:timers/promises';
import { ErrnoQueue, NO_TPM_FAULTS, type TpmFaults } from './faults.js';
import { ERRNO, refuse, type FileNode, type OpenFile } from './nodes.js';
import type { Swtpm } from './swtpm.js';

/** TPM_BUFSIZE of drivers/char/tpm/tpm.h. */
const MAX_COMMAND = 4096;
const HEADER_BYTES = 10;
/** TPM_RC_YIELDED, TPM_RC_TESTING, TPM_RC_RETRY. */
const ASK_AGAIN: readonly number[] = [0x908, 0x90a, 0x922];
const LONGEST_PAUSE_MS = 2000;

/** POLLIN or POLLOUT, each with its NORM form. */
const POLL_IN = 0x041;
const POLL_OUT = 0x104;

interface Pending {
  response: Buffer;
  /** Some of the response was read: the rest no longer keeps commands out. */
  begun: boolean;
  running: Promise<void> | null;
  notify: () => void;
}

/**
 * `/dev/tpmrm0` (Linux drivers/char/tpm/tpm-dev-common.c): one write is one command, whose response waits for reads; opened
 * with O_NONBLOCK, the write does not wait for the TPM, and poll(2) tells when the response is there. As the kernel's resource manager does, flushes what the opener left loaded when the descriptor is closed – and counts it.
 */
export class TpmDevice {
  readonly device: FileNode = { kind: 'file', open: ({ nonBlocking }) => this.#open(nonBlocking) };
  readonly #tpm: Swtpm;
  readonly #writeErrnos = new ErrnoQueue();
  readonly #readErrnos = new ErrnoQueue();
  #faults = NO_TPM_FAULTS;
  #refusals: { readonly command: number; readonly rc: number }[] = [];
  /** Transient objects and sessions found when a descriptor was closed. */
  leaked = 0;
  /** Command codes sent, in order. */
  readonly commands: number[] = [];

  constructor(tpm: Swtpm) {
    this.#tpm = tpm;
  }

  set(faults: TpmFaults): void {
    this.#faults = faults;
    this.#refusals = [...faults.refusals];
    this.#writeErrnos.fill(faults.writeErrnos);
    this.#readErrnos.fill(faults.readErrnos);
    this.leaked = 0;
    this.commands.length = 0;
  }

  #open(nonBlocking: boolean): OpenFile {
    const state: Pending = { response: Buffer.alloc(0), begun: false, running: null, notify: () => {} };
    return {
      write: async (command) => {
        if (state.running !== null || (state.response.length > 0 && !state.begun)) return refuse(ERRNO.EBUSY);
        if (command.length > MAX_COMMAND) return refuse(ERRNO.E2BIG);
        if (command.length < HEADER_BYTES || command.readUInt32BE(2) > command.length) return refuse(ERRNO.EINVAL);
        const errno = this.#writeErrnos.next();
        if (errno !== 0) return refuse(errno);
        const running = this.#run(state, Buffer.from(command));
        state.running = running;
        if (!nonBlocking) await running;
        return command.length;
      },
      read: (_, size) => {
        const errno = this.#readErrnos.next();
        if (errno !== 0) {
          state.response = Buffer.alloc(0);
          return refuse(errno);
        }
        state.begun = true;
        const part = state.response.subarray(0, Math.min(size, this.#faults.readGives ?? size));
        state.response = state.response.subarray(part.length);
        return part;
      },
      poll: (notify) => {
        state.notify = notify;
        return state.response.length > 0 ? POLL_IN : POLL_OUT;
      },
      flush: async () => {
        await state.running;
        await this.#flushAll();
      },
    };
  }

  /** To its end, whether its sender still waits or not: no driver can take a command back. */
  async #run(state: Pending, command: Buffer): Promise<void> {
    if (this.#faults.delayMs > 0) await delay(this.#faults.delayMs);
    state.response = await this.#answer(command);
    state.begun = false;
    state.running = null;
    state.notify();
  }

  async #answer(command: Buffer): Promise<Buffer> {
    const code = command.readUInt32BE(6);
    this.commands.push(code);
    const at = this.#refusals.findIndex((refusal) => refusal.command === code);
    const [refusal] = at < 0 ? [] : this.#refusals.splice(at, 1);
    if (refusal !== undefined) return refused(refusal.rc);
    return this.#faults.answer === null ? this.#transmit(command) : Buffer.from(this.#faults.answer);
  }

  /** The kernel itself asks again when the TPM tells it to (tpm_transmit in drivers/char/tpm/tpm-interface.c). */
  async #transmit(command: Buffer): Promise<Buffer> {
    for (let pauseMs = 20; ; pauseMs *= 2) {
      const answer = await this.#tpm.transmit(command);
      if (!ASK_AGAIN.includes(answer.readUInt32BE(6)) || pauseMs > LONGEST_PAUSE_MS) return answer;
      await delay(pauseMs);
    }
  }

  async #flushAll(): Promise<void> {
    // Loaded and saved sessions, transient objects.
    for (const first of [0x02000000, 0x03000000, 0x80000000]) {
      for (const handle of await this.#handles(first)) {
        this.leaked++;
        await this.#tpm.transmit(Buffer.from(`80010000000e00000165${handle.toString(16).padStart(8, '0')}`, 'hex'));
      }
    }
  }

  async #handles(first: number): Promise<number[]> {
    const command = Buffer.from('8001000000160000017a000000010000000000000080', 'hex');
    command.writeUInt32BE(first, 14);
    const answer = await this.#tpm.transmit(command);
    if (answer.readUInt32BE(6) !== 0) return [];
    // moreData u8, capability u32, count u32, handles.
    return Array.from({ length: answer.readUInt32BE(15) }, (_, i) => answer.readUInt32BE(19 + 4 * i));
  }
}

function refused(rc: number): Buffer {
  const answer = Buffer.from('80010000000a00000000', 'hex');
  answer.writeUInt32BE(rc, 6);
  return answer;
}
