import { type CertificateFetcher, DEFAULT_AMD_KDS_URL, NO_CERTIFICATES } from '../certificate-fetcher.js';
import type { CollateralGetter } from '../collateral.js';
import type { TrustRoots } from '../trust-roots.js';
import type { Attestation } from './attestation.js';
import type { VerifiedAttestation } from './verified.js';
import { verifyAttestation } from './verify.js';
import { VerifierCache } from './verifier-cache.js';

/** Port of everything that needs evidence verified at the present time. */
export interface AttestationVerifier {
  /** @throws as `verifyAttestation` */
  verify(attestation: Attestation): Promise<VerifiedAttestation>;
}

export interface AttestationVerifierOptions {
  readonly roots: TrustRoots;
  readonly collateral: CollateralGetter;
  /** As for `verifyAttestation`. */
  readonly certificates?: CertificateFetcher;
  /** As for `verifyAttestation`. */
  readonly amdKdsUrl?: string;
  /** Unix seconds. */
  readonly clock: () => number;
  /** Shared by verifiers of one process if given. */
  readonly cache?: VerifierCache;
}

/** A verifier for composition; it keeps checked collateral between calls and nothing about any evidence's verdict. */
export function createAttestationVerifier(options: AttestationVerifierOptions): AttestationVerifier {
  const { roots, collateral, certificates = NO_CERTIFICATES, amdKdsUrl = DEFAULT_AMD_KDS_URL, clock, cache = new VerifierCache() } = options;
  return { verify: (attestation) => verifyAttestation(attestation, { now: clock(), roots, collateral, certificates, amdKdsUrl, cache }) };
}
