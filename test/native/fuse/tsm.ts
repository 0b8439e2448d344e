import { setTimeout as delay } from 'node:timers/promises';
import { ErrnoQueue, NO_TSM_FAULTS, type TsmFaults } from './faults.js';
import { ERRNO, attribute, directory, refuse, slice, type DirectoryNode, type FileNode, type OpenFile, type OpenMode } from './nodes.js';

/** TSM_INBLOB_MAX of include/linux/tsm.h. */
const MAX_INBLOB = 64;

export interface TsmProvider {
  readonly name: 'tdx_guest' | 'sev_guest';
  /** The blob `outblob` shows, over what `inblob` was given. */
  readonly evidence: (inblob: Uint8Array) => Promise<Uint8Array> | Uint8Array;
  /** The blob `auxblob` shows (certificates of SEV-SNP), or null where there is no such file. */
  readonly auxiliary: (() => Uint8Array) | null;
}

/**
 * The configfs-tsm directory (Linux drivers/virt/coco/guest/report.c; Documentation/ABI/testing/configfs-tsm-report):
 * each mkdir makes an entry. A write of `inblob` counts when its descriptor is closed, and moves `generation`.
 */
export class Tsm {
  readonly root: DirectoryNode = { ...directory({}), mkdir: (name) => this.#make(name), rmdir: (name) => this.#remove(name) };
  readonly #provider: TsmProvider;
  readonly #writeErrnos = new ErrnoQueue();
  readonly #closeErrnos = new ErrnoQueue();
  readonly #readErrnos = new ErrnoQueue();
  #faults = NO_TSM_FAULTS;
  /** What was committed, in order, hex. */
  readonly inblobs: string[] = [];
  reads = 0;

  constructor(provider: TsmProvider) {
    this.#provider = provider;
  }

  set(faults: TsmFaults): void {
    this.#faults = faults;
    this.#writeErrnos.fill(faults.writeErrnos);
    this.#closeErrnos.fill(faults.closeErrnos);
    this.#readErrnos.fill(faults.readErrnos);
    this.inblobs.length = 0;
    this.reads = 0;
  }

  #make(name: string): DirectoryNode {
    const entry = this.#entry();
    this.root.entries.set(name, entry);
    return entry;
  }

  #remove(name: string): void {
    if (!this.root.entries.delete(name)) refuse(ERRNO.ENOENT);
  }

  #entry(): DirectoryNode {
    const state: EntryState = { generation: 0n, inblob: null };
    const { auxiliary } = this.#provider;
    return directory({
      provider: attribute(() => `${this.#faults.provider ?? this.#provider.name}\n`),
      generation: attribute(() => `${this.#faults.generationText ?? state.generation}\n`),
      inblob: this.#inblob(state),
      outblob: this.#blob(state, (inblob) => this.#outblob(inblob)),
      ...(auxiliary === null ? {} : { auxblob: this.#blob(state, () => this.#faults.auxiliaryBytes ?? auxiliary()) }),
    });
  }

  #inblob(state: EntryState): FileNode {
    const open = (): OpenFile => {
      let written: Buffer | null = null;
      return {
        write: (data) => {
          const errno = this.#writeErrnos.next();
          if (errno !== 0) return refuse(errno);
          const taken = this.#faults.writeTakes ?? data.length;
          written = Buffer.concat([written ?? Buffer.alloc(0), data.subarray(0, taken)]);
          if (written.length > MAX_INBLOB) return refuse(ERRNO.EINVAL);
          return taken;
        },
        flush: () => {
          if (written === null) return;
          const errno = this.#closeErrnos.next();
          const commit = written;
          written = null;
          if (errno !== 0) return refuse(errno);
          this.#commit(state, commit);
        },
      };
    };
    return { kind: 'file', open };
  }

  #commit(state: EntryState, inblob: Buffer): void {
    const move = (): void => {
      state.inblob = inblob;
      state.generation += BigInt(this.#faults.generationStep);
    };
    this.inblobs.push(inblob.toString('hex'));
    if (this.#faults.generationDelayMs === 0) return move();
    setTimeout(move, this.#faults.generationDelayMs);
  }

  #outblob(inblob: Uint8Array): Promise<Uint8Array> | Uint8Array {
    const { blobBytes, otherReportData } = this.#faults;
    if (blobBytes !== null) return Buffer.alloc(blobBytes, 0x5a);
    return this.#provider.evidence(otherReportData ? inblob.map((byte) => byte ^ 1) : inblob);
  }

  #blob(state: EntryState, make: (inblob: Uint8Array) => Promise<Uint8Array> | Uint8Array): FileNode {
    const open = ({ writing }: OpenMode): OpenFile => {
      if (writing) return refuse(ERRNO.EACCES);
      let blob: Uint8Array | null = null;
      return {
        read: async (offset, size, signal) => {
          this.reads++;
          const { readDelayMs, readGives, generationStepOnRead } = this.#faults;
          if (readDelayMs > 0 && blob === null) await delay(readDelayMs, undefined, { signal });
          const errno = this.#readErrnos.next();
          if (errno !== 0) return refuse(errno);
          if (state.inblob === null) return refuse(ERRNO.EINVAL);
          blob ??= await make(state.inblob);
          state.generation += BigInt(generationStepOnRead);
          return slice(blob, offset, Math.min(size, readGives ?? size));
        },
      };
    };
    return { kind: 'file', open };
  }
}

interface EntryState {
  generation: bigint;
  inblob: Buffer | null;
}
