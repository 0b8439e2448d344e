import { hex } from '../../crypto/hex.js';
import { VerificationError } from '../../errors/verification-error.js';
import type { TeeVariant } from '../tee-variant.js';
import type { AppInfo } from './app-info.js';
import { type AppInfoOptions, appInfo } from './measurements.js';
import type { VerifiedAttestation } from './verified.js';

/**
 * What a release policy decides on, keys in the order of the webhook's JSON; byte fields are lower-case hex
 * without prefix, "" where the evidence lacks them (spec/kms.md section 11.1).
 */
export interface BootInfo {
  readonly teeVariant: TeeVariant;
  readonly mrAggregated: string;
  readonly osImageHash: string;
  readonly mrSystem: string;
  readonly appId: string;
  readonly composeHash: string;
  readonly instanceId: string;
  readonly deviceId: string;
  readonly keyProviderInfo: string;
  readonly tcbStatus: string;
  readonly advisoryIds: readonly string[];
}

const APP_ID_BYTES = 20;

/**
 * BootInfo of verified evidence; `options` as for `appInfo`.
 * @throws VerificationError APP_ID_INVALID, VM_CONFIG_MALFORMED
 */
export function bootInfo(verified: VerifiedAttestation, options: AppInfoOptions): BootInfo {
  const info = appInfo(verified, options);
  if (info.appId.length !== APP_ID_BYTES) throw new VerificationError('APP_ID_INVALID', 'app_id must be 20 bytes');
  return {
    teeVariant: verified.variant,
    mrAggregated: hex(info.mrAggregated),
    osImageHash: hex(info.osImageHash),
    mrSystem: hex(info.mrSystem),
    appId: hex(info.appId),
    composeHash: hex(info.composeHash),
    instanceId: hex(info.instanceId),
    deviceId: hex(deviceOf(verified, info)),
    keyProviderInfo: hex(info.keyProviderInfo),
    tcbStatus: verified.tcbStatus,
    advisoryIds: verified.advisoryIds,
  };
}

/** Policies know SEV-SNP machines by the whole chip id, which is hashed everywhere else (spec/kms.md section 11.2). */
function deviceOf({ platform }: VerifiedAttestation, { deviceId }: AppInfo): Uint8Array {
  return platform.kind === 'sev-snp' ? platform.report.chipId : deviceId;
}

/** The webhook's JSON object: BootInfo, then the name older webhooks know the variant by. */
export function bootInfoJson(info: BootInfo): BootInfo & { readonly attestationMode: TeeVariant } {
  return { ...info, attestationMode: info.teeVariant };
}
