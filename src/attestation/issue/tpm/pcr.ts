import { EvidenceSourceError } from '../../../errors/evidence-source-error.js';
import type { PcrValue } from '../../evidence/attestation.js';
import type { TpmClient } from './client.js';
import { TPM_ALG } from './constants.js';
import { sha256Selection, tpmU16, tpmU32 } from './marshal.js';

const DIGEST_BYTES = 32;

/**
 * Values of the SHA-256 bank, 32 bytes each; at most 8 indices, ascending, as many as one command answers.
 * @throws EvidenceSourceError also when the TPM leaves one out, for it has no such bank or PCR
 */
export function readPcrs(tpm: TpmClient, indices: readonly number[]): Promise<PcrValue[]> {
  const selection = sha256Selection(indices);
  return tpm.run({ name: 'pcrRead', handles: [], authorized: false, parameters: [selection] }, (reader) => {
    // The update counter.
    reader.u32();
    const answered = selection.equals(reader.take(selection.length)) && reader.u32() === indices.length;
    if (!answered) throw new EvidenceSourceError('DEVICE_FAILED', `the TPM does not have PCRs ${indices.join(', ')} in a SHA-256 bank`);
    return indices.map((index) => ({ index, algorithm: 'sha256', value: Uint8Array.from(digestOf(reader.sized(DIGEST_BYTES, 'PCR value'), index)) }));
  });
}

function digestOf(value: Uint8Array, index: number): Uint8Array {
  if (value.length === DIGEST_BYTES) return value;
  throw new EvidenceSourceError('DEVICE_FAILED', `PCR ${index} has ${value.length} bytes, not ${DIGEST_BYTES}`);
}

/**
 * PCR[index] := SHA256(PCR[index] || digest) in the SHA-256 bank. Sent again only when the TPM says that it did nothing.
 * @param digest 32 bytes
 */
export function extendPcr(tpm: TpmClient, index: number, digest: Uint8Array): Promise<null> {
  if (digest.length !== DIGEST_BYTES) throw new TypeError(`digest must be ${DIGEST_BYTES} bytes, not ${digest.length}`);
  return tpm.run({ name: 'pcrExtend', handles: [index], authorized: true, parameters: [tpmU32(1), tpmU16(TPM_ALG.sha256), digest] }, () => null);
}
