import type { VerifiedAttestation } from '../attestation/evidence/verified.js';
import { p256KeyToPem } from '../crypto/p256-pem.js';
import { admit, type AdmissionRules } from './admit.js';
import type { RootKeys } from './root-keys.js';
import type { SelfAuthorization } from './self-authorization.js';

/** Everything a replica needs to become this KMS. */
export interface ReleasedKmsKeys {
  /** PKCS#8 PEM. */
  readonly tempCaKey: string;
  /** PKCS#8 PEM. */
  readonly rootCaKey: string;
  /** 32 bytes. */
  readonly k256Key: Uint8Array;
}

export interface KmsKeyDependencies {
  readonly self: SelfAuthorization;
  readonly rules: AdmissionRules;
  readonly keys: RootKeys;
}

/**
 * GetKmsKey: the root keys, to another KMS that the policy lists as one (spec/kms.md section 13.2). The only file that
 * sequences its steps.
 * @throws what `admit` throws
 */
export async function releaseKmsKeys(
  { vmConfig, verified }: { readonly vmConfig: string; readonly verified: VerifiedAttestation },
  { self, rules, keys }: KmsKeyDependencies,
): Promise<ReleasedKmsKeys> {
  await self.check();
  await admit({ verified, vmConfig, view: 'runtime', as: 'kms' }, rules);
  return { tempCaKey: p256KeyToPem(keys.tmpCaKey), rootCaKey: p256KeyToPem(keys.rootCaKey), k256Key: keys.k256.scalar };
}
