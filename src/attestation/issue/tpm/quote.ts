import { EvidenceSourceError } from '../../../errors/evidence-source-error.js';
import type { TpmQuote } from '../../evidence/attestation.js';
import { withAttestationKey } from './attestation-key.js';
import type { TpmClient } from './client.js';
import { TPM_ALG } from './constants.js';
import { sha256Selection, tpmSized, tpmU16 } from './marshal.js';
import { readPcrs } from './pcr.js';

/** Firmware, boot loader, and the run-time events (spec/attestation.md section 1.7). */
const QUOTED_PCRS = [0, 2, 14] as const;

const QUALIFYING_BYTES = 32;
const MAX_ATTEST = 4096;

/** A quote without the firmware's log and the platform's name. */
export type BareTpmQuote = Pick<TpmQuote, 'message' | 'signature' | 'pcrValues' | 'akCert'>;

/**
 * A quote by Google's attestation key over PCRs 0, 2 and 14 of the SHA-256 bank, with their values as they are right after it: whoever
 * extends one of them in between makes the two disagree, which the caller has to look for.
 * @param qualifyingData 32 bytes
 * @throws EvidenceSourceError
 */
export function makeTpmQuote(tpm: TpmClient, qualifyingData: Uint8Array): Promise<BareTpmQuote> {
  if (qualifyingData.length !== QUALIFYING_BYTES) throw new TypeError(`qualifyingData must be ${QUALIFYING_BYTES} bytes, not ${qualifyingData.length}`);
  const parameters = [tpmSized(qualifyingData), tpmU16(TPM_ALG.null), sha256Selection(QUOTED_PCRS)];
  return withAttestationKey(tpm, async ({ handle, certificate }) => {
    const { message, signature } = await tpm.run({ name: 'quote', handles: [handle], authorized: true, parameters }, (reader) => ({
      message: Uint8Array.from(reader.sized(MAX_ATTEST, 'attest')),
      // With the response's own authorisation area behind it, as it travels (spec/attestation.md section 1.7).
      signature: Uint8Array.from(reader.rest()),
    }));
    if (message.length === 0) throw new EvidenceSourceError('DEVICE_FAILED', 'the TPM gave an empty quote');
    return { message, signature, pcrValues: await readPcrs(tpm, QUOTED_PCRS), akCert: certificate };
  });
}
