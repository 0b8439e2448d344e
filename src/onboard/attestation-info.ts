import type { AttestationVerifier } from '../attestation/evidence/attestation-verifier.js';
import { appInfo } from '../attestation/evidence/measurements.js';
import type { VerifiedAttestation } from '../attestation/evidence/verified.js';
import type { TeeVariant } from '../attestation/tee-variant.js';
import { withContext } from '../errors/with-context.js';
import type { AppAuthorizer, AuthorizerInfo } from '../kms/app-authorizer.js';
import { type OwnEvidence, verifyOwnEvidence } from '../kms/own-evidence.js';

/** What an operator registers before this machine may hold root keys. */
export interface AttestationInfo {
  /** 32 bytes. */
  readonly deviceId: Uint8Array;
  /** 32 bytes. */
  readonly mrAggregated: Uint8Array;
  /** 32 bytes, or empty. */
  readonly osImageHash: Uint8Array;
  readonly teeVariant: TeeVariant;
  readonly siteName: string;
  /** "" where the policy has none or cannot be asked. */
  readonly ethRpcUrl: string;
  readonly kmsContractAddress: string;
  /** What the device id is made of: 16 bytes of an Intel platform, 64 of an AMD one, empty elsewhere. */
  readonly ppid: Uint8Array;
}

export interface AttestationInfoDependencies {
  readonly evidence: OwnEvidence;
  readonly verifier: AttestationVerifier;
  readonly authorizer: AppAuthorizer;
  readonly siteName: string;
}

/**
 * Onboard.GetAttestationInfo (spec/kms.md section 8), from fresh and verified evidence of this machine.
 * @throws EvidenceSourceError, VerificationError, AppraisalError, CollateralError
 */
export async function attestationInfo({ evidence, verifier, authorizer, siteName }: AttestationInfoDependencies): Promise<AttestationInfo> {
  const verified = await verifyOwnEvidence(evidence, verifier).catch((error: unknown) => {
    throw withContext(error, 'Failed to verify attestation');
  });
  const app = appInfo(verified, { config: await evidence.vmConfig(), view: 'runtime' });
  const policy = await policyInfo(authorizer);
  return {
    deviceId: app.deviceId,
    mrAggregated: app.mrAggregated,
    osImageHash: app.osImageHash,
    teeVariant: verified.variant,
    siteName,
    ethRpcUrl: policy?.ethRpcUrl ?? '',
    kmsContractAddress: policy?.kmsContractAddress ?? '',
    ppid: rawDeviceId(verified),
  };
}

/** The policy's whereabouts are a convenience; the answer must not depend on them. */
async function policyInfo(authorizer: AppAuthorizer): Promise<AuthorizerInfo | null> {
  return authorizer.info().catch(() => null);
}

function rawDeviceId({ platform }: VerifiedAttestation): Uint8Array {
  if (platform.kind === 'sev-snp') return platform.report.chipId;
  return platform.kind === 'nitro-enclave' ? new Uint8Array() : platform.ppid;
}
