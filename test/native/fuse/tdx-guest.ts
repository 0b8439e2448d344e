import { setTimeout as delay } from 'node:timers/promises';
import { readCallerMemory } from './caller-memory.js';
import { ErrnoQueue, NO_RTMR_FAULTS, type RtmrFaults } from './faults.js';
import { ERRNO, directory, refuse, slice, type DirectoryNode, type FileNode, type IoctlCall } from './nodes.js';
import type { TrustDomain } from './trust-domain.js';

const GET_REPORT = 0xc4405401;
const EXTEND_RTMR = 0x80315403;
const DIGEST_BYTES = 48;
const REPORT_DATA_BYTES = 64;

/** `/dev/tdx_guest` and the registers' files in sysfs, over one trust domain (spec/attestation.md sections 1.2 and 1.4). */
export class TdxGuest {
  readonly device: FileNode = { kind: 'file', open: () => ({ ioctl: (call, signal) => this.#ioctl(call, signal) }) };
  readonly measurements: DirectoryNode;
  readonly #domain: TrustDomain;
  readonly #extendErrnos = new ErrnoQueue();
  readonly #reportErrnos = new ErrnoQueue();
  #faults = NO_RTMR_FAULTS;

  constructor(domain: TrustDomain) {
    this.#domain = domain;
    this.measurements = directory(Object.fromEntries([0, 1, 2, 3].map((index) => [`rtmr${index}:sha384`, this.#register(index)])));
  }

  set(faults: RtmrFaults): void {
    this.#faults = faults;
    this.#extendErrnos.fill(faults.extendErrnos);
    this.#reportErrnos.fill(faults.reportErrnos);
  }

  #register(index: number): FileNode {
    return {
      kind: 'file',
      // The kernel gives no write permission to the registers of the firmware.
      open: ({ writing }) =>
        writing && index < 2
          ? refuse(ERRNO.EACCES)
          : {
              read: (offset, size) => slice(this.#domain.rtmrs[index] ?? refuse(ERRNO.EIO), offset, size),
              write: (digest) => {
                const { writeTakes } = this.#faults;
                if (writeTakes !== null) return writeTakes;
                if (digest.length !== DIGEST_BYTES) return refuse(ERRNO.EINVAL);
                this.#extend(index, digest);
                return DIGEST_BYTES;
              },
            },
    };
  }

  async #ioctl({ request, argument, input, pid }: IoctlCall, signal: AbortSignal): Promise<Uint8Array> {
    if (request === GET_REPORT) return this.#report(input, signal);
    if (request !== EXTEND_RTMR) return refuse(ERRNO.ENOTTY);
    // The number says that data flows out only, so the kernel copied nothing in.
    const bytes = readCallerMemory(pid, argument, DIGEST_BYTES + 1);
    this.#extend(bytes.readUInt8(DIGEST_BYTES), bytes.subarray(0, DIGEST_BYTES));
    return Buffer.alloc(0);
  }

  async #report(input: Buffer, signal: AbortSignal): Promise<Uint8Array> {
    const { reportDelayMs } = this.#faults;
    if (reportDelayMs > 0) await delay(reportDelayMs, undefined, { signal });
    const errno = this.#reportErrnos.next();
    if (errno !== 0) return refuse(errno);
    const reportData = input.subarray(0, REPORT_DATA_BYTES);
    return Buffer.concat([reportData, this.#domain.report(reportData)]);
  }

  #extend(index: number, digest: Uint8Array): void {
    const errno = this.#extendErrnos.next();
    if (errno !== 0) refuse(errno);
    if (!this.#domain.extend(index, digest)) refuse(ERRNO.EINVAL);
  }
}
