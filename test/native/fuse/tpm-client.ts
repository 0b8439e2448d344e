import { open, type FileHandle } from 'node:fs/promises';

// TPM 2.0 Library Part 3, as far as a platform's owner provisions a machine and a test looks at it. Written apart from
// the project's own TPM code, through the same device file.

const RH_OWNER = 0x40000001;
const RH_ENDORSEMENT = 0x4000000b;
/** TPMA_NV: who may read and write. */
export const NV = { ownerRead: 0x00020000, authRead: 0x00040000, ownerWrite: 0x00000002 } as const;
const NV_CHUNK = 1024;
const SHA256 = 0x000b;

export const u16 = (value: number): Buffer => Buffer.from(value.toString(16).padStart(4, '0'), 'hex');
export const u32 = (value: number): Buffer => Buffer.from(value.toString(16).padStart(8, '0'), 'hex');
export const sized = (bytes: Uint8Array): Buffer => Buffer.concat([u16(bytes.length), bytes]);

/** The authorisation area of one session with an empty password. */
const PASSWORD = Buffer.concat([u32(9), u32(0x40000009), u16(0), Buffer.of(0), u16(0)]);
const NO_AUTHORISATION = Buffer.alloc(0);

export interface LoadedKey {
  readonly handle: number;
  /** TPMT_PUBLIC. */
  readonly publicArea: Buffer;
}

/** Opens the device for one piece of work; closing it unloads every key. */
export async function withTpm<T>(device: string, work: (tpm: TpmClient) => Promise<T>): Promise<T> {
  const file = await open(device, 'r+');
  try {
    return await work(new TpmClient(file));
  } finally {
    await file.close();
  }
}

export class TpmClient {
  readonly #file: FileHandle;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Defines an NV index without password and writes `data` into it. */
  async defineNv(index: number, attributes: number, data: Uint8Array): Promise<void> {
    const publicArea = Buffer.concat([u32(index), u16(SHA256), u32(attributes), u16(0), u16(data.length)]);
    await this.#authorised(0x12a, [RH_OWNER], Buffer.concat([u16(0), sized(publicArea)]));
    for (let offset = 0; offset < data.length; offset += NV_CHUNK) {
      await this.#authorised(0x137, [RH_OWNER, index], Buffer.concat([sized(data.subarray(offset, offset + NV_CHUNK)), u16(offset)]));
    }
  }

  async undefineNv(index: number): Promise<void> {
    await this.#authorised(0x122, [RH_OWNER, index], Buffer.alloc(0));
  }

  /** The primary key `template` (TPMT_PUBLIC) makes under the endorsement hierarchy. */
  async createPrimary(template: Uint8Array): Promise<LoadedKey> {
    const parameters = Buffer.concat([Buffer.from('000400000000', 'hex'), sized(template), u16(0), u32(0)]);
    const answer = await this.#authorised(0x131, [RH_ENDORSEMENT], parameters);
    // handle u32, parameterSize u32, TPM2B_PUBLIC
    return { handle: answer.readUInt32BE(0), publicArea: Buffer.from(answer.subarray(10, 10 + answer.readUInt16BE(8))) };
  }

  /** TPMS_ATTEST and TPMT_SIGNATURE of a quote over PCRs of the SHA-256 bank. */
  async quote(key: number, qualifyingData: Uint8Array, pcrs: readonly number[]): Promise<{ readonly message: Buffer; readonly signature: Buffer }> {
    const answer = await this.#authorised(0x158, [key], Buffer.concat([sized(qualifyingData), u16(0x0010), selection(pcrs)]));
    const parameters = answer.subarray(4, 4 + answer.readUInt32BE(0));
    const end = 2 + parameters.readUInt16BE(0);
    return { message: Buffer.from(parameters.subarray(2, end)), signature: Buffer.from(parameters.subarray(end)) };
  }

  /** Value of one PCR of the SHA-256 bank. */
  async readPcr(index: number): Promise<Buffer> {
    return Buffer.from((await this.#command(0x17e, [], NO_AUTHORISATION, selection([index]))).subarray(-32));
  }

  async extendPcr(index: number, digest: Uint8Array): Promise<void> {
    await this.#authorised(0x182, [index], Buffer.concat([u32(1), u16(SHA256), digest]));
  }

  /** Transient objects and sessions that are loaded now. */
  async loaded(): Promise<readonly number[]> {
    const handles: number[] = [];
    for (const first of [0x02000000, 0x03000000, 0x80000000]) {
      const answer = await this.#command(0x17a, [], NO_AUTHORISATION, Buffer.concat([u32(1), u32(first), u32(128)]));
      for (let i = 0; i < answer.readUInt32BE(5); i++) handles.push(answer.readUInt32BE(9 + 4 * i));
    }
    return handles;
  }

  #authorised(code: number, handles: readonly number[], parameters: Uint8Array): Promise<Buffer> {
    return this.#command(code, handles, PASSWORD, parameters);
  }

  /** What follows the header of the response. */
  async #command(code: number, handles: readonly number[], authorisation: Buffer, parameters: Uint8Array): Promise<Buffer> {
    const body = Buffer.concat([u32(code), ...handles.map(u32), authorisation, parameters]);
    await this.#file.write(Buffer.concat([u16(authorisation.length === 0 ? 0x8001 : 0x8002), u32(body.length + 6), body]));
    const { buffer, bytesRead } = await this.#file.read(Buffer.alloc(4096), 0, 4096, null);
    const rc = buffer.readUInt32BE(6);
    if (rc !== 0) throw new Error(`TPM command 0x${code.toString(16)}: response 0x${rc.toString(16)}`);
    return buffer.subarray(10, bytesRead);
  }
}

function selection(pcrs: readonly number[]): Buffer {
  const bits = Buffer.alloc(3);
  for (const index of pcrs) bits.writeUInt8(bits.readUInt8(index >> 3) | (1 << (index & 7)), index >> 3);
  return Buffer.concat([u32(1), u16(SHA256), Buffer.of(3), bits]);
}
