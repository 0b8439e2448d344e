import { CollateralError } from '../errors/collateral-error.js';

/**
 * What is fetched. `certificate` and `crl` are at URLs inside certificates, DER both. The others are at URLs under the base
 * address of AMD's Key Distribution Service: `amd-chain` an intermediate certificate and the root above it, PEM;
 * `amd-vcek` the certificate of one chip, DER (AMD 57230, chapter 4).
 */
export type PublishedKind = 'certificate' | 'crl' | 'amd-chain' | 'amd-vcek';

/** Port: certificates and revocation lists that hardware vendors publish. */
export interface CertificateFetcher {
  /**
   * Whether `url`, found inside a certificate, may be asked at all: it is the word of whoever sent the certificate, so an
   * implementation goes only where it was told it may. Not asked about the AMD kinds, whose base address is configured.
   */
  allows(url: string): boolean;
  /**
   * The answer's body, at most `MAX_PUBLISHED_BYTES` of its kind.
   * @throws CollateralError COLLATERAL_UNAVAILABLE, for any status but 200 too; COLLATERAL_ANSWER_INVALID for a larger body
   */
  fetch(url: string, kind: PublishedKind): Promise<Uint8Array>;
  /**
   * Tells whether what `fetch` gave led to the trust anchor. URLs are chosen by whoever sends certificates, and answers may come
   * over plain HTTP: an implementation that keeps answers keeps for long only those that did.
   */
  judge?(url: string, kind: PublishedKind, verified: boolean): void;
}

/** True for the kinds that come from AMD's service, whose address is configured; the others are at URLs that certificates name. */
export function isOfKeyService(kind: PublishedKind): boolean {
  return kind === 'amd-chain' || kind === 'amd-vcek';
}

/** Bytes accepted of each. */
export const MAX_PUBLISHED_BYTES: Readonly<Record<PublishedKind, number>> = {
  certificate: 64 * 1024,
  crl: 4 * 1024 * 1024,
  'amd-chain': 64 * 1024,
  'amd-vcek': 16 * 1024,
};

/** AMD's own service (spec/attestation.md section 5.6); `urls.amd_kds` of a configuration replaces it. */
export const DEFAULT_AMD_KDS_URL = 'https://kdsintf.amd.com/vcek/v1';

/** Has nothing: evidence whose certificates must be looked up is refused as unavailable. */
export const NO_CERTIFICATES: CertificateFetcher = {
  allows: () => true,
  fetch: async () => {
    throw new CollateralError('COLLATERAL_UNAVAILABLE', 'certificates and revocation lists of the evidence cannot be looked up here');
  },
};
