import { appraise } from '../attestation/appraisal/appraise.js';
import type { AppraisalPolicy } from '../attestation/appraisal/policy.js';
import type { Attestation } from '../attestation/evidence/attestation.js';
import type { Asker } from '../attestation/evidence/evidence-source.js';
import type { AttestationVerifier } from '../attestation/evidence/attestation-verifier.js';
import { type BootInfo, bootInfo } from '../attestation/evidence/boot-info.js';
import type { VerifiedAttestation } from '../attestation/evidence/verified.js';

/** Port: evidence of the machine the KMS itself runs on. */
export interface OwnEvidence {
  /** Full attestation over exactly 64 bytes. @throws EvidenceSourceError */
  attest(reportData: Uint8Array, signal?: AbortSignal, asker?: Asker): Promise<Attestation>;
  /** VM configuration of this machine, JSON; "" where it is only embedded in the evidence. @throws EvidenceSourceError */
  vmConfig(): Promise<string>;
}

/** Report data of evidence that vouches for nothing but the machine. */
const NO_REPORT_DATA = new Uint8Array(64);

/** The KMS's own, freshly made and verified evidence. @throws what making, verifying and appraising evidence throws */
export async function verifyOwnEvidence(evidence: OwnEvidence, verifier: AttestationVerifier): Promise<VerifiedAttestation> {
  return verifier.verify(await evidence.attest(NO_REPORT_DATA));
}

/** BootInfo of the KMS itself: run-time view, embedded VM configuration (spec/kms.md section 12). @throws as `verifyOwnEvidence` */
export async function ownBootInfo(evidence: OwnEvidence, verifier: AttestationVerifier, appraisal: AppraisalPolicy): Promise<BootInfo> {
  const verified = await verifyOwnEvidence(evidence, verifier);
  appraise(verified, appraisal);
  return bootInfo(verified, { view: 'runtime' });
}
