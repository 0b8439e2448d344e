import { parseQuote, type TdReport } from '../attestation/tdx/quote.js';
import { EvidenceSourceError } from '../errors/evidence-source-error.js';

/**
 * The TD report inside a TDX quote of this machine.
 * @throws EvidenceSourceError DEVICE_FAILED when the device's answer is an SGX quote; VerificationError for a malformed one
 */
export function tdReportOf(quote: Uint8Array): TdReport {
  const { report } = parseQuote(quote);
  if (!('rtmrs' in report)) throw new EvidenceSourceError('DEVICE_FAILED', 'the quote is not a TDX quote');
  return report;
}
