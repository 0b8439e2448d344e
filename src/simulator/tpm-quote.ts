import { sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { sha256Selection, tpmSized, tpmU16, tpmU32 } from '../attestation/issue/tpm/marshal.js';

/** What a quote of a vTPM is about (spec/attestation.md section 8). */
export interface TpmQuoteContent {
  /** Name of the key's public area: a hash algorithm, then the hash, 34 bytes. */
  readonly signer: Uint8Array;
  /** 32 bytes. */
  readonly qualifyingData: Uint8Array;
  /** Milliseconds since the TPM was powered. */
  readonly clock: bigint;
  /** Of the SHA-256 bank, ascending, each below 24. */
  readonly indices: readonly number[];
  /** SHA-256 of their values, 32 bytes. */
  readonly pcrDigest: Uint8Array;
}

const TPM_GENERATED_VALUE = 0xff544347;
const TPM_ST_ATTEST_QUOTE = 0x8018;
const TPM_ALG = { sha256: 0x000b, rsassa: 0x0014, ecdsa: 0x0018 } as const;
/** One reset, no restart, and the clock has never gone back. */
const RESETS = Buffer.from('000000010000000001', 'hex');
/** Of Microsoft's TPM simulator, which Google's vTPM descends from. */
const FIRMWARE_VERSION = Buffer.from('2016051100162800', 'hex');
/** The authorisation area of the command's response, which agents in use leave behind the signature (trap T15). */
const RESPONSE_AUTHORISATION = Buffer.from('0000010000', 'hex');

/** TPMS_ATTEST of a quote (TPM 2.0 Library Part 2, section 10.12.12). */
export function tpmAttest({ signer, qualifyingData, clock, indices, pcrDigest }: TpmQuoteContent): Uint8Array {
  const milliseconds = Buffer.alloc(8);
  milliseconds.writeBigUInt64BE(clock);
  const head = [tpmU32(TPM_GENERATED_VALUE), tpmU16(TPM_ST_ATTEST_QUOTE), tpmSized(signer), tpmSized(qualifyingData)];
  return new Uint8Array(Buffer.concat([...head, milliseconds, RESETS, FIRMWARE_VERSION, sha256Selection(indices), tpmSized(pcrDigest)]));
}

/**
 * TPMT_SIGNATURE (TPM 2.0 Library Part 2, section 11.3.4) with the five bytes that travel behind it.
 * @param key P-256 (ECDSA) or RSA (RSASSA-PKCS1-v1_5), private
 */
export function tpmSignature(key: KeyObject, message: Uint8Array): Uint8Array {
  if (key.asymmetricKeyType === 'rsa') {
    return new Uint8Array(Buffer.concat([tpmU16(TPM_ALG.rsassa), tpmU16(TPM_ALG.sha256), tpmSized(sign('sha256', message, key)), RESPONSE_AUTHORISATION]));
  }
  const signature = sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' });
  const [r, s] = [signature.subarray(0, 32), signature.subarray(32)];
  return new Uint8Array(Buffer.concat([tpmU16(TPM_ALG.ecdsa), tpmU16(TPM_ALG.sha256), tpmSized(r), tpmSized(s), RESPONSE_AUTHORISATION]));
}
