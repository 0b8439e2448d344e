import type { PublishedKind } from '../attestation/certificate-fetcher.js';
import { CollateralError } from '../errors/collateral-error.js';
import { VerificationError } from '../errors/verification-error.js';
import { parseCertificate } from '../x509/certificate.js';
import { parseCrl } from '../x509/crl.js';
import { parsePemChain } from '../x509/pem.js';
import { placeOf } from './http-get.js';

/** Seconds a certificate is used on while it cannot be asked for again; a list ends by itself. */
const MAX_AGE_SECONDS = 30 * 86_400;
const MAX_CHAIN = 8;

/** How long an answer may be used. */
export interface Validity {
  /** When a revocation list was issued; 0 for certificates. */
  readonly issuedAt: number;
  /** Last unix second at which the answer is used. */
  readonly endsAt: number;
}

/**
 * @param now unix seconds
 * @throws CollateralError COLLATERAL_ANSWER_INVALID for an answer that is not of its kind
 */
export function validityOf(body: Uint8Array, kind: PublishedKind, url: string, now: number): Validity {
  try {
    if (kind === 'crl') {
      const { thisUpdate, nextUpdate } = parseCrl(body);
      return { issuedAt: thisUpdate, endsAt: nextUpdate - 1 };
    }
    const certificates = kind === 'amd-chain' ? parsePemChain(Buffer.from(body).toString('latin1'), MAX_CHAIN) : [body];
    certificates.forEach(parseCertificate);
    return { issuedAt: 0, endsAt: now + MAX_AGE_SECONDS };
  } catch (cause) {
    if (cause instanceof VerificationError) throw new CollateralError('COLLATERAL_ANSWER_INVALID', `${placeOf(url)} did not answer with a ${kind}`, { cause });
    throw cause;
  }
}
