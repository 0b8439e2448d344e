import type { PublishedKind } from '../attestation/certificate-fetcher.js';
import { CollateralError } from '../errors/collateral-error.js';
import { VerificationError } from '../errors/verification-error.js';
import { type Certificate, parseCertificate } from '../x509/certificate.js';
import { parseCrl } from '../x509/crl.js';
import { parsePemChain } from '../x509/pem.js';
import { placeOf } from './http-get.js';

const MAX_CHAIN = 8;

/** How long an answer may be used. */
export interface Validity {
  /** When a revocation list was issued, or from when on a certificate is valid, unix seconds. */
  readonly issuedAt: number;
  /** Last unix second at which the answer is used: its own validity, and no age beside it. */
  readonly endsAt: number;
}

/**
 * What an answer says of itself; nothing of it is verified.
 * @throws CollateralError COLLATERAL_ANSWER_INVALID for an answer that is not of its kind
 */
export function validityOf(body: Uint8Array, kind: PublishedKind, url: string): Validity {
  try {
    if (kind === 'crl') {
      const { thisUpdate, nextUpdate } = parseCrl(body);
      return { issuedAt: thisUpdate, endsAt: nextUpdate - 1 };
    }
    const { notBefore, notAfter } = certificateIn(body, kind);
    return { issuedAt: notBefore, endsAt: notAfter };
  } catch (cause) {
    if (cause instanceof VerificationError) throw new CollateralError('COLLATERAL_ANSWER_INVALID', `${placeOf(url)} did not answer with a ${kind}`, { cause });
    throw cause;
  }
}

/** The certificate that is used of an answer; of a chain the first one, and those above it must be certificates. @throws VerificationError */
export function certificateIn(body: Uint8Array, kind: Exclude<PublishedKind, 'crl'>): Certificate {
  const [first = new Uint8Array(), ...rest] = kind === 'amd-chain' ? parsePemChain(Buffer.from(body).toString('latin1'), MAX_CHAIN) : [body];
  rest.forEach((der) => parseCertificate(der));
  return parseCertificate(first);
}
