import { EvidenceSourceError } from '../../../errors/evidence-source-error.js';
import type { TpmClient } from './client.js';
import { TPM_RH } from './constants.js';
import { tpmU16 } from './marshal.js';

/** Of one read, as every TPM allows. */
const CHUNK = 1024;
/** Certificates and key templates have less than 2 KiB. */
const MAX_NV_BYTES = 8192;
const MAX_POLICY = 64;

/**
 * The whole of an NV index, in chunks of at most 1024 bytes: by the owner's empty password, or, where the owner may not, by the
 * index's own (spec/attestation.md section 1.7).
 * @throws EvidenceSourceError DEVICE_ABSENT when it cannot be read, with the TPM's response code in the cause
 */
export async function readNv(tpm: TpmClient, index: number): Promise<Uint8Array> {
  try {
    const size = await nvSize(tpm, index);
    try {
      return await readAs(tpm, TPM_RH.owner, index, size);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return await readAs(tpm, index, index, size);
    }
  } catch (cause) {
    if (!isRefusal(cause)) throw cause;
    throw new EvidenceSourceError('DEVICE_ABSENT', `the TPM's NV index 0x${index.toString(16)} cannot be read`, { cause });
  }
}

/** Time-outs and busy devices say nothing about the index. */
function isRefusal(error: unknown): boolean {
  return error instanceof EvidenceSourceError && error.code === 'DEVICE_FAILED';
}

function nvSize(tpm: TpmClient, index: number): Promise<number> {
  return tpm.run({ name: 'nvReadPublic', handles: [index], authorized: false, parameters: [] }, (reader) => {
    reader.u16();
    // TPMS_NV_PUBLIC: index, name algorithm, attributes, policy, size.
    reader.u32();
    reader.u16();
    reader.u32();
    reader.sized(MAX_POLICY, 'NV policy');
    const size = reader.u16();
    if (size > MAX_NV_BYTES) throw new EvidenceSourceError('DEVICE_FAILED', `NV index 0x${index.toString(16)} has ${size} bytes, at most ${MAX_NV_BYTES}`);
    return size;
  });
}

async function readAs(tpm: TpmClient, authority: number, index: number, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  for (let offset = 0; offset < size; offset += CHUNK) {
    const length = Math.min(CHUNK, size - offset);
    const chunk = await tpm.run(
      { name: 'nvRead', handles: [authority, index], authorized: true, parameters: [tpmU16(length), tpmU16(offset)] },
      (reader) => reader.sized(length, 'NV data'),
    );
    if (chunk.length !== length) throw new EvidenceSourceError('DEVICE_FAILED', `the TPM gave ${chunk.length} of ${length} bytes of NV index 0x${index.toString(16)}`);
    bytes.set(chunk, offset);
  }
  return bytes;
}
