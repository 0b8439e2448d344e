import type { AttestationVerifier } from '../attestation/evidence/attestation-verifier.js';
import { attestationFromCertificate, verifyCertificateEvidence } from '../attestation/ra-tls/binding.js';
import { type Caller, type CallerEvidence, unattested } from '../caller/caller.js';
import { AppraisalError } from '../errors/appraisal-error.js';
import { CollateralError } from '../errors/collateral-error.js';
import { ServiceError } from '../errors/service-error.js';
import { VerificationError } from '../errors/verification-error.js';
import type { ListenOptions, PeerInfo } from '../http/listen/listener.js';

export interface CallerAge {
  /** Unix seconds. */
  readonly clock: () => number;
  /** Seconds verified evidence is good for on its connection. */
  readonly maxAgeSeconds: number;
}

/**
 * How the TLS listener of a KMS learns who is calling (spec/prpc.md section 11): the evidence in the client's certificate is
 * verified at the first request, again when it has become `maxAgeSeconds` old or some input of the verdict expired, and
 * again when collateral could not be had the last time, or there was too much to verify, which is no verdict.
 */
export function callerIdentification(verifier: AttestationVerifier, age: CallerAge): Required<Pick<ListenOptions, 'identify' | 'isCurrent'>> {
  return {
    identify: ({ peer, certificate }) => (certificate === null ? unattested(peer) : identify(peer, certificate, verifier)),
    isCurrent: ({ evidence }) => isCurrent(evidence, age),
  };
}

async function identify(peer: PeerInfo['peer'], certificate: Uint8Array, verifier: AttestationVerifier): Promise<Caller> {
  try {
    const attested = attestationFromCertificate(certificate);
    if (attested === null) return unattested(peer);
    return { peer, evidence: { status: 'verified', verified: await verifyCertificateEvidence(attested, verifier) } };
  } catch (error) {
    const isRefusal = error instanceof VerificationError || error instanceof AppraisalError || error instanceof CollateralError || error instanceof ServiceError;
    if (!isRefusal) throw error;
    return { peer, evidence: { status: 'refused', error } };
  }
}

function isCurrent(evidence: CallerEvidence, { clock, maxAgeSeconds }: CallerAge): boolean {
  switch (evidence.status) {
    case 'none':
      return true;
    case 'refused':
      return evidence.error instanceof VerificationError || evidence.error instanceof AppraisalError;
    case 'verified': {
      const now = clock();
      const { verifiedAt, validUntil } = evidence.verified;
      // A clock that was set back says nothing about age, so it counts as too old.
      return now >= verifiedAt && now - verifiedAt < maxAgeSeconds && now <= validUntil;
    }
  }
}
