import { VerificationError } from '../../errors/verification-error.js';
import { parseCertificate } from '../../x509/certificate.js';
import { publicKeyOf } from '../../x509/path.js';
import { earliestEnd } from '../../x509/time-window.js';
import type { TpmEvent, TpmQuote } from '../evidence/attestation.js';
import { type AkChainOptions, verifyAkChain } from './ak-chain.js';
import { parseTpmAttest } from './attest.js';
import { checkedPcrs, checkFirmwareLog, type Pcrs } from './pcrs.js';
import { checkTpmSignature } from './signature.js';

/** Facts a vTPM signed. */
export interface VerifiedTpmQuote {
  /** Qualifying data of the quote. */
  readonly extraData: Uint8Array;
  /** SHA-256 bank. */
  readonly pcrs: Pcrs;
  /** The firmware's events, which lead to those of the quoted PCRs they mention. */
  readonly eventLog: readonly TpmEvent[];
  /** Unix seconds after which a certificate or revocation list relied on has expired. */
  readonly validUntil: number;
}

/**
 * Is this quote of a vTPM genuine? The checks of spec/attestation.md section 8, in their order. The qualifying data are returned,
 * not judged; signer name, clock and platform field are not looked at.
 * @throws VerificationError of the TPM and X.509 codes, EVENT_LOG_MALFORMED; CollateralError when a certificate or list could not be had
 */
export async function verifyTpmQuote(quote: TpmQuote, options: AkChainOptions): Promise<VerifiedTpmQuote> {
  const attest = parseTpmAttest(quote.message);
  const pcrs = checkedPcrs(attest, quote.pcrValues);
  checkFirmwareLog(quote.eventLog, pcrs);
  const akCert = parseCertificate(quote.akCert);
  checkTpmSignature(akKey(akCert), quote.message, quote.signature);
  const windows = await verifyAkChain(akCert, options);
  return { extraData: attest.extraData, pcrs, eventLog: quote.eventLog, validUntil: earliestEnd(windows) };
}

function akKey(akCert: ReturnType<typeof parseCertificate>): ReturnType<typeof publicKeyOf> {
  try {
    return publicKeyOf(akCert, 'ec-or-rsa');
  } catch (cause) {
    if (!(cause instanceof VerificationError)) throw cause;
    throw new VerificationError('TPM_AK_KEY_UNSUPPORTED', 'the attestation key is neither RSA nor on P-256', { cause });
  }
}
