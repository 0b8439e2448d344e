import { P256PublicKey } from '../../crypto/p256-public-key.js';
import { VerificationError } from '../../errors/verification-error.js';
import { parseCertificate } from '../../x509/certificate.js';
import { EKU_SERVER_AUTH, verifyPath } from '../../x509/path.js';
import { parsePemChain } from '../../x509/pem.js';
import { checkQeReport } from '../dcap/qe-report.js';
import { checkHeader } from '../dcap/quote-header.js';
import { verifyP256 } from '../dcap/raw-p256.js';
import type { Quote } from '../tdx/quote.js';

const PCK_CHAIN = 5;
const MAX_CHAIN = 8;

/**
 * All of a quote that can be verified without collateral: certificate path to the root (revocation unknown),
 * the quoting enclave's report, its key, the quote's signature. Without the TCB level this accepts nothing; it tells what
 * is worth looking up collateral for.
 * @param options.now unix seconds
 * @param options.root DER of the trust anchor
 * @throws VerificationError with the code of the first check that failed
 */
export function checkQuoteSignatures(quote: Quote, options: { readonly now: number; readonly root: Uint8Array }): void {
  checkHeader(quote);
  const { auth } = quote;
  const [leaf, ...intermediates] = pckChainOf(quote).map(parseCertificate);
  if (leaf === undefined) throw new VerificationError('PCK_CHAIN_TOO_SHORT', 'the quote carries no PCK certificate');
  const anchor = parseCertificate(options.root);
  const { leafKey } = verifyPath({ leaf, intermediates, anchor, now: options.now, extendedKeyUsage: EKU_SERVER_AUTH, revocation: null });
  checkQeReport(auth, leafKey);
  const attestationKey = P256PublicKey.from(auth.attestationKey);
  if (attestationKey === null || !verifyP256(attestationKey, quote.signedRegion, auth.signature)) {
    throw new VerificationError('QUOTE_SIGNATURE_INVALID', 'the quote is not signed by its attestation key');
  }
}

/** DER of the certificates a quote carries, leaf first. @throws VerificationError PCK_CERTIFICATION_UNSUPPORTED, CERTIFICATE_MALFORMED */
export function pckChainOf({ auth }: Quote): Uint8Array[] {
  const { type, data } = auth.certification;
  if (type !== PCK_CHAIN) throw new VerificationError('PCK_CERTIFICATION_UNSUPPORTED', `certification data of type ${type} carry no certificate`);
  return parsePemChain(Buffer.from(data).toString('latin1'), MAX_CHAIN);
}
