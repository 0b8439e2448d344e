import { EvidenceSourceError } from '../../../errors/evidence-source-error.js';
import type { TpmClient } from './client.js';
import { TPM_RH } from './constants.js';
import { tpmSized, tpmU16, tpmU32 } from './marshal.js';
import { readNv } from './nv.js';

/** Where Google keeps the templates and certificates of its attestation keys (spec/attestation.md section 1.7). */
const GCP_NV = {
  ecc: { certificate: 0x01c1_0002, template: 0x01c1_0003 },
  rsa: { certificate: 0x01c1_0000, template: 0x01c1_0001 },
} as const;

/** TPM2B_SENSITIVE_CREATE of no password and no data. */
const NO_SECRETS = tpmSized(Buffer.alloc(4));

export interface AttestationKey {
  readonly handle: number;
  /** DER. */
  readonly certificate: Uint8Array;
}

/**
 * Recreates the key Google certified, the one on a curve where there is one, for the time of `work`: the same template under the same
 * hierarchy makes the same key. It is flushed in any case.
 * @throws EvidenceSourceError DEVICE_ABSENT when the TPM has none
 */
export async function withAttestationKey<T>(tpm: TpmClient, work: (key: AttestationKey) => Promise<T>): Promise<T> {
  const key = await loadKey(tpm);
  let result: T;
  try {
    result = await work(key);
  } catch (error) {
    // What went wrong first is the one to tell; closing the device unloads what a failing TPM would not.
    await flush(tpm, key.handle).catch(() => {});
    throw error;
  }
  await flush(tpm, key.handle);
  return result;
}

async function loadKey(tpm: TpmClient): Promise<AttestationKey> {
  try {
    return await create(tpm, GCP_NV.ecc);
  } catch (error) {
    if (!(error instanceof EvidenceSourceError) || !(error.code === 'DEVICE_ABSENT' || error.code === 'DEVICE_FAILED')) throw error;
    return create(tpm, GCP_NV.rsa);
  }
}

async function create(tpm: TpmClient, { certificate, template }: (typeof GCP_NV)[keyof typeof GCP_NV]): Promise<AttestationKey> {
  // Both before the key, so that nothing is loaded that cannot be used.
  const der = await readNv(tpm, certificate);
  const inPublic = tpmSized(await readNv(tpm, template));
  const parameters = [NO_SECRETS, inPublic, tpmU16(0), tpmU32(0)];
  return { handle: await tpm.load({ name: 'createPrimary', handles: [TPM_RH.endorsement], authorized: true, parameters }), certificate: der };
}

/** The handle is a parameter here, not in the handle area (TPM 2.0 Library Part 3, section 28.4); on the wire that is the same place. */
function flush(tpm: TpmClient, handle: number): Promise<null> {
  return tpm.run({ name: 'flushContext', handles: [handle], authorized: false, parameters: [] }, () => null);
}
