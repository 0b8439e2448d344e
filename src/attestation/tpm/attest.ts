import { VerificationError } from '../../errors/verification-error.js';
import { TpmReader } from './reader.js';

/** PCRs selected from one bank. */
export interface PcrSelection {
  /** TPM_ALG_ID of the bank. */
  readonly algorithm: number;
  /** Ascending. */
  readonly indices: readonly number[];
}

/** TPMS_ATTEST of a quote (TPM 2.0 Library Part 2, section 10.12.12); nothing about it verified. Byte fields are copies. */
export interface TpmAttest {
  /** The caller's qualifying data. */
  readonly extraData: Uint8Array;
  readonly selections: readonly PcrSelection[];
  readonly pcrDigest: Uint8Array;
}

const TPM_GENERATED_VALUE = 0xff544347;
const TPM_ST_ATTEST_QUOTE = 0x8018;

/** A real one has about 150 bytes. */
const MAX_ATTEST_BYTES = 4096;
const MAX_SIZED = 1024;
const MAX_SELECTIONS = 16;
/** Octets of a selection bitmap: eight PCRs each. */
const MAX_BITMAP = 32;
/** clock u64, resetCount u32, restartCount u32, safe u8, firmwareVersion u64. */
const CLOCK_AND_FIRMWARE = 8 + 4 + 4 + 1 + 8;

/**
 * Parses TPMS_ATTEST of at most 4096 bytes. Bytes after it are ignored: only the message as a whole is signed.
 * @throws VerificationError TPM_ATTEST_MALFORMED, TPM_ATTEST_NOT_A_QUOTE
 */
export function parseTpmAttest(message: Uint8Array): TpmAttest {
  if (message.length > MAX_ATTEST_BYTES) throw malformed(`${message.length} bytes, at most ${MAX_ATTEST_BYTES}`);
  const reader = new TpmReader(message, 'TPM_ATTEST_MALFORMED', 'TPM attestation');
  if (reader.u32() !== TPM_GENERATED_VALUE) throw new VerificationError('TPM_ATTEST_NOT_A_QUOTE', 'the message was not made by a TPM');
  if (reader.u16() !== TPM_ST_ATTEST_QUOTE) throw new VerificationError('TPM_ATTEST_NOT_A_QUOTE', 'the TPM attestation is not a quote');
  reader.sized(MAX_SIZED, 'qualified signer');
  const extraData = Uint8Array.from(reader.sized(MAX_SIZED, 'extra data'));
  reader.take(CLOCK_AND_FIRMWARE);
  const count = reader.u32();
  if (count > MAX_SELECTIONS) throw malformed(`${count} PCR selections, at most ${MAX_SELECTIONS}`);
  const selections = Array.from({ length: count }, () => readSelection(reader));
  return { extraData, selections, pcrDigest: Uint8Array.from(reader.sized(MAX_SIZED, 'PCR digest')) };
}

function readSelection(reader: TpmReader): PcrSelection {
  const algorithm = reader.u16();
  const size = reader.u8();
  if (size > MAX_BITMAP) throw malformed(`a PCR selection of ${size} octets, at most ${MAX_BITMAP}`);
  const bitmap = reader.take(size);
  const indices: number[] = [];
  for (const [octet, bits] of bitmap.entries()) {
    for (let bit = 0; bit < 8; bit++) if ((bits & (1 << bit)) !== 0) indices.push(octet * 8 + bit);
  }
  return { algorithm, indices };
}

function malformed(detail: string): VerificationError {
  return new VerificationError('TPM_ATTEST_MALFORMED', `malformed TPM attestation: ${detail}`);
}
