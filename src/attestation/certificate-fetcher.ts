import { CollateralError } from '../errors/collateral-error.js';

/** What is to be had at a URL inside a certificate, DER both. */
export type PublishedKind = 'certificate' | 'crl';

/**
 * Port: answers of the URLs that certificates name for their issuer's certificate and revocation list. Such a URL is the
 * word of whoever sent the certificate, so an implementation goes only where it was told it may.
 */
export interface CertificateFetcher {
  /** Whether `url` may be asked at all. */
  allows(url: string): boolean;
  /**
   * The answer's body: at most 64 KiB for a certificate, 4 MiB for a list.
   * @throws CollateralError COLLATERAL_UNAVAILABLE, COLLATERAL_ANSWER_INVALID for one larger
   */
  fetch(url: string, kind: PublishedKind): Promise<Uint8Array>;
}

/** Bytes accepted of each. */
export const MAX_PUBLISHED_BYTES: Readonly<Record<PublishedKind, number>> = { certificate: 64 * 1024, crl: 4 * 1024 * 1024 };

/** Has nothing: evidence whose certificates must be looked up is refused as unavailable. */
export const NO_CERTIFICATES: CertificateFetcher = {
  allows: () => true,
  fetch: async () => {
    throw new CollateralError('COLLATERAL_UNAVAILABLE', 'certificates and revocation lists of the evidence cannot be looked up here');
  },
};
