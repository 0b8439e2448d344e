import type { VerifiedAttestation } from '../attestation/evidence/verified.js';
import { AppraisalError } from '../errors/appraisal-error.js';
import { withContext } from '../errors/with-context.js';
import { invalidArgument } from '../errors/service-error.js';
import { admit, type AdmissionRules } from './admit.js';
import type { AppKeyDeriver } from './derive-app-keys.js';
import type { RootKeys } from './root-keys.js';
import type { SelfAuthorization } from './self-authorization.js';

/** What an application's instance boots with (spec/kms.md section 13.1). */
export interface ReleasedAppKeys {
  /** PEM, as loaded at start. */
  readonly rootCaCert: string;
  /** 32 bytes each, but for the 65-byte signature. */
  readonly diskCryptKey: Uint8Array;
  readonly envCryptKey: Uint8Array;
  readonly k256Key: Uint8Array;
  readonly k256Signature: Uint8Array;
  readonly gatewayAppId: string;
  /** 32 bytes, or empty when the evidence names no image. */
  readonly osImageHash: Uint8Array;
}

export interface AppKeyRequest {
  readonly apiVersion: number;
  readonly vmConfig: string;
  readonly verified: VerifiedAttestation;
}

export interface ReleaseDependencies {
  readonly self: SelfAuthorization;
  readonly rules: AdmissionRules;
  readonly deriver: AppKeyDeriver;
  readonly keys: RootKeys;
}

/**
 * GetAppKey. The only file that sequences its steps.
 * @throws ServiceError INVALID_ARGUMENT for an unknown version; what `admit` throws, in the context "App not allowed"
 */
export async function releaseAppKey({ apiVersion, vmConfig, verified }: AppKeyRequest, { self, rules, deriver, keys }: ReleaseDependencies): Promise<ReleasedAppKeys> {
  if (apiVersion > 1) throw invalidArgument(`Unsupported API version: ${apiVersion}`);
  await self.check();
  const { bootInfo, gatewayAppId } = await admit({ verified, vmConfig, view: 'runtime', as: 'app' }, rules).catch((error: unknown) => {
    throw isClosedGate(error) ? error : withContext(error, 'App not allowed');
  });
  const appId = Buffer.from(bootInfo.appId, 'hex');
  const { key, signature } = deriver.k256(appId);
  return {
    rootCaCert: keys.rootCa.certificatePem,
    diskCryptKey: deriver.disk(appId, Buffer.from(bootInfo.instanceId, 'hex')),
    envCryptKey: deriver.environment(appId).secret,
    k256Key: key.scalar,
    k256Signature: signature,
    gatewayAppId,
    osImageHash: Buffer.from(bootInfo.osImageHash, 'hex'),
  };
}

/** Told without context, as by the existing KMS (spec/kms.md section 21). */
function isClosedGate(error: unknown): boolean {
  return error instanceof AppraisalError && error.code === 'RELEASE_GATE_CLOSED';
}
