import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { decode, encode } from 'cborg';
import { createDevelopmentNitroPki } from '../../../src/simulator/nitro-pki.js';
import { developmentPcrs } from '../../../src/simulator/nitro-platform.js';
import { signNsmDocument } from '../../../src/simulator/nsm-document.js';
import { readCallerMemory, writeCallerMemory } from './caller-memory.js';
import { ErrnoQueue, NO_NSM_FAULTS, type NsmFaults } from './faults.js';
import { imageHash, seed } from './machine.js';
import { ERRNO, refuse, type FileNode, type IoctlCall } from './nodes.js';

const NSM_RAW = 0xc0200a00;
const MAX_REQUEST = 0x1000;
const MAX_RESPONSE = 0x3000;
const PCR_COUNT = 32;
/** The enclave's own; those before it are locked from the start. */
const FIRST_FREE_PCR = 16;

type Answer = Readonly<Record<string, unknown>> | string;
type Fields = Readonly<Record<string, unknown>>;

/** `/dev/nsm` with a module behind it (spec/attestation.md section 1.6; Linux drivers/misc/nsm.c). CBOR by a decoder that is not this project's. */
export class Nsm {
  readonly device: FileNode = { kind: 'file', open: () => ({ ioctl: (call, signal) => this.#ioctl(call, signal) }) };
  readonly #pki = createDevelopmentNitroPki(seed);
  readonly #errnos = new ErrnoQueue();
  #pcrs: Uint8Array[] = [];
  #locked = new Set<number>();
  #faults = NO_NSM_FAULTS;

  constructor() {
    this.reset();
  }

  /** A new boot. */
  reset(): void {
    this.#pcrs = Array.from({ length: PCR_COUNT }, (_, i) => developmentPcrs(imageHash)[i] ?? new Uint8Array(48));
    this.#locked = new Set(Array.from({ length: FIRST_FREE_PCR }, (_, i) => i));
  }

  set(faults: NsmFaults): void {
    this.#faults = faults;
    this.#errnos.fill(faults.errnos);
  }

  async #ioctl({ request, input, pid }: IoctlCall, signal: AbortSignal): Promise<Uint8Array> {
    if (request !== NSM_RAW) return refuse(ERRNO.ENOTTY);
    const [requestAt, requestBytes, responseAt, responseBytes] = [0, 8, 16, 24].map((offset) => input.readBigUInt64LE(offset)) as [bigint, bigint, bigint, bigint];
    if (requestBytes > MAX_REQUEST) return refuse(ERRNO.EMSGSIZE);
    if (this.#faults.delayMs > 0) await delay(this.#faults.delayMs, undefined, { signal });
    const errno = this.#errnos.next();
    if (errno !== 0) return refuse(errno);
    const answer = this.#faults.answer ?? encode(await this.#answer(readCallerMemory(pid, requestAt, Number(requestBytes))));
    const room = Math.min(Number(responseBytes), MAX_RESPONSE);
    if (answer.length > room) return refuse(ERRNO.EINVAL);
    writeCallerMemory(pid, responseAt, answer);
    const output = Buffer.from(input);
    output.writeBigUInt64LE(this.#faults.length ?? BigInt(answer.length), 24);
    return output;
  }

  async #answer(request: Buffer): Promise<Answer> {
    if (this.#faults.error !== null) return { Error: this.#faults.error };
    const command: unknown = decode(request);
    if (typeof command === 'string') return this.#plain(command);
    const [[kind, fields]] = Object.entries(command as Readonly<Record<string, Fields>>) as [[string, Fields]];
    if (kind === 'Attestation') return { Attestation: { document: await this.#document(fields) } };
    return this.#register(kind, fields);
  }

  #plain(command: string): Answer {
    if (command === 'GetRandom') return { GetRandom: { random: createHash('sha512').update(String(Math.random())).digest() } };
    if (command !== 'DescribeNSM') return { Error: 'InvalidOperation' };
    const version = { version_major: 1, version_minor: 0, version_patch: 0 };
    return { DescribeNSM: { ...version, module_id: 'i-0123456789abcdef0-enc0123456789abcdef', max_pcrs: PCR_COUNT, locked_pcrs: [...this.#locked], digest: 'SHA384' } };
  }

  #register(kind: string, fields: Fields): Answer {
    if (kind === 'LockPCRs') return this.#lockRange(Number(fields['range']));
    const index = Number(fields['index']);
    const value = this.#pcrs[index];
    if (value === undefined) return { Error: 'InvalidIndex' };
    if (kind === 'DescribePCR') return { DescribePCR: { lock: this.#locked.has(index), data: value } };
    if (this.#locked.has(index)) return { Error: 'ReadOnlyIndex' };
    if (kind === 'LockPCR') {
      this.#locked.add(index);
      return 'LockPCR';
    }
    if (kind !== 'ExtendPCR') return { Error: 'InvalidOperation' };
    const extended = createHash('sha384').update(value).update(fields['data'] as Uint8Array).digest();
    this.#pcrs[index] = extended;
    return { ExtendPCR: { data: extended } };
  }

  #lockRange(range: number): Answer {
    if (range > PCR_COUNT) return { Error: 'InvalidIndex' };
    for (let i = 0; i < range; i++) this.#locked.add(i);
    return 'LockPCRs';
  }

  #document(fields: Fields): Promise<Uint8Array> {
    const bytes = (name: string): Uint8Array | null => (fields[name] as Uint8Array | null) ?? null;
    const userData = bytes('user_data');
    return signNsmDocument(
      {
        moduleId: 'i-0123456789abcdef0-enc0123456789abcdef',
        timestampMs: Date.now(),
        pcrs: new Map(this.#pcrs.slice(0, FIRST_FREE_PCR).entries()),
        certificate: this.#pki.leaf,
        cabundle: [this.#pki.root],
        userData: this.#faults.otherUserData && userData !== null ? userData.map((byte) => byte ^ 1) : userData,
        nonce: bytes('nonce'),
        publicKey: bytes('public_key'),
      },
      this.#pki.leafKey.privateKey,
      { indefinite: true },
    );
  }
}
