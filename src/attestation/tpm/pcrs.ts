import { createHash } from 'node:crypto';
import { hex } from '../../crypto/hex.js';
import { VerificationError } from '../../errors/verification-error.js';
import type { PcrValue, TpmEvent } from '../evidence/attestation.js';
import type { TpmAttest } from './attest.js';

const TPM_ALG_SHA256 = 0x000b;
const PCR_BYTES = 32;

/** Values of the SHA-256 bank by PCR index, 32 bytes each. */
export type Pcrs = ReadonlyMap<number, Uint8Array>;

/**
 * The PCR values beside a quote, found to be those the quote's digest was taken over (spec/attestation.md section 8).
 * Which PCRs they are is read from the quote: their order and indices must be its selection's.
 * @throws VerificationError TPM_PCR_SELECTION_MISMATCH, TPM_PCR_BANK_UNSUPPORTED, TPM_PCR_VALUE_INVALID, TPM_PCR_DIGEST_MISMATCH
 */
export function checkedPcrs({ selections, pcrDigest }: TpmAttest, values: readonly PcrValue[]): Pcrs {
  const selected = selections.flatMap(({ indices }) => indices);
  const given = values.map(({ index }) => index);
  if (selected.length !== given.length || selected.some((index, i) => index !== given[i])) {
    throw new VerificationError('TPM_PCR_SELECTION_MISMATCH', `PCR values of ${given.join(', ')} do not match the quote's selection`);
  }
  if (new Set(selected).size !== selected.length) throw new VerificationError('TPM_PCR_SELECTION_MISMATCH', 'the quote selects a PCR twice');
  if (selections.some(({ algorithm }) => algorithm !== TPM_ALG_SHA256)) throw new VerificationError('TPM_PCR_BANK_UNSUPPORTED', 'the quote is not over the SHA-256 bank');
  const digest = createHash('sha256');
  for (const { index, value } of values) {
    if (value.length !== PCR_BYTES) throw new VerificationError('TPM_PCR_VALUE_INVALID', `PCR ${index} has ${value.length} bytes, not ${PCR_BYTES}`);
    digest.update(value);
  }
  if (!digest.digest().equals(pcrDigest)) throw new VerificationError('TPM_PCR_DIGEST_MISMATCH', 'PCR digest mismatch');
  return new Map(values.map(({ index, value }) => [index, value]));
}

/**
 * Does the firmware log lead to the quoted values? A PCR that the log does not mention is not judged, for instance PCR 14,
 * which the run-time events extend.
 * @throws VerificationError EVENT_LOG_MALFORMED for a digest that is not SHA-256, TPM_EVENT_LOG_MISMATCH
 */
export function checkFirmwareLog(events: readonly TpmEvent[], pcrs: Pcrs): void {
  for (const [index, quoted] of pcrs) {
    const ofPcr = events.filter(({ pcrIndex }) => pcrIndex === index);
    if (ofPcr.length === 0) continue;
    const replayed = replayPcr(ofPcr);
    if (Buffer.compare(replayed, quoted) !== 0) {
      throw new VerificationError('TPM_EVENT_LOG_MISMATCH', `PCR ${index} replay mismatch: expected ${hex(quoted)}, got ${hex(replayed)}`);
    }
  }
}

/** The value events extend a PCR to, from zeros: SHA-256(PCR ‖ digest) each. @throws VerificationError EVENT_LOG_MALFORMED */
export function replayPcr(events: readonly TpmEvent[]): Uint8Array {
  let value: Uint8Array = new Uint8Array(PCR_BYTES);
  for (const { digest } of events) {
    if (digest.length !== PCR_BYTES) throw new VerificationError('EVENT_LOG_MALFORMED', `malformed event log: a digest of ${digest.length} bytes, not ${PCR_BYTES}`);
    value = createHash('sha256').update(value).update(digest).digest();
  }
  return value;
}

/** The 32 bytes of one PCR. @throws VerificationError TPM_PCR_MISSING when the quote is not over it */
export function quotedPcr(pcrs: Pcrs, index: number): Uint8Array {
  const value = pcrs.get(index);
  if (value === undefined) throw new VerificationError('TPM_PCR_MISSING', `the quote does not cover PCR ${index}`);
  return value;
}
