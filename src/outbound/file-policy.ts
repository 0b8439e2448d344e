import { z } from 'zod';
import type { BootInfo } from '../attestation/evidence/boot-info.js';
import { AppraisalError } from '../errors/appraisal-error.js';
import { PolicyError } from '../errors/policy-error.js';
import type { AppAuthorizer, KeyNames } from '../kms/app-authorizer.js';
import { WatchedJsonFile } from './watched-json-file.js';

/** Hex with or without 0x in either case, compared without and in lower case. */
const hex = z
  .string()
  .regex(/^(0x)?[0-9a-f]*$/i, 'must be hex')
  .transform((text) => text.toLowerCase().replace(/^0x/, ''));
const hexList = z.array(hex).max(65_536).default([]);

const devices = { devices: hexList, allowAnyDevice: z.boolean().default(false) };
const app = z.strictObject({
  composeHashes: hexList,
  ...devices,
  /** The only key names this application has; absent: any well-formed name. */
  declaredKeys: z.array(z.string()).max(65_536).nullable().default(null),
});

/** The auth-simple format (spec/kms.md section 16.3) with `declaredKeys` added; unknown keys are refused, not ignored. */
const policySchema = z.strictObject({
  gatewayAppId: z.string().default(''),
  kmsContractAddr: z.string().default(''),
  chainId: z.number().int().min(0).default(0),
  appImplementation: z.string().default(''),
  osImages: hexList,
  allowedTcbStatuses: z.array(z.string()).default(['UpToDate']),
  allowedAdvisoryIds: z.array(z.string()).default([]),
  kms: z.strictObject({ mrAggregated: hexList, ...devices }).prefault({}),
  apps: z.record(z.string(), app).default({}),
});

type Policy = z.infer<typeof policySchema>;

/**
 * Release policy from a JSON file, read again whenever it changes.
 * Checks run in the order of spec/kms.md section 16.3 with its reasons.
 */
export class FilePolicy implements AppAuthorizer, KeyNames {
  readonly development = false;
  readonly #file: WatchedJsonFile<Policy>;

  constructor(path: string) {
    this.#file = new WatchedJsonFile(path, policySchema);
  }

  async authorizeApp(info: BootInfo) {
    const policy = this.#file.read();
    checkPlatform(info, policy);
    const entry = appEntry(policy, info.appId);
    if (entry === undefined) throw denied('app not registered');
    if (!entry.composeHashes.includes(info.composeHash)) throw denied('compose hash not allowed');
    checkDevice(info, entry, 'app is not allowed to boot on this device');
    return { gatewayAppId: policy.gatewayAppId };
  }

  async authorizeKms(info: BootInfo) {
    const policy = this.#file.read();
    checkPlatform(info, policy);
    if (!policy.kms.mrAggregated.includes(info.mrAggregated)) throw denied('aggregated MR not allowed');
    checkDevice(info, policy.kms, 'KMS is not allowed to boot on this device');
    return { gatewayAppId: policy.gatewayAppId };
  }

  async info() {
    const { gatewayAppId, kmsContractAddr, chainId, appImplementation } = this.#file.read();
    return { gatewayAppId, kmsContractAddress: kmsContractAddr, chainId: BigInt(chainId), appImplementation, ethRpcUrl: null };
  }

  async exists(appId: string, name: string): Promise<boolean> {
    const declared = appEntry(this.#file.read(), appId)?.declaredKeys ?? null;
    return declared === null || declared.includes(name);
  }
}

/** Enclaves have no TCB status (""), so the list of statuses says nothing about them; every other platform must be listed. */
function checkPlatform(info: BootInfo, policy: Policy): void {
  if (info.teeVariant !== 'dstack-nitro-enclave' && !policy.allowedTcbStatuses.includes(info.tcbStatus)) {
    throw new AppraisalError('TCB_STATUS_NOT_ACCEPTED', 'TCB status is not allowed');
  }
  if (info.advisoryIds.some((id) => !policy.allowedAdvisoryIds.includes(id))) {
    throw new AppraisalError('ADVISORY_NOT_ACCEPTED', 'advisory ID is not allowed');
  }
  if (!policy.osImages.includes(info.osImageHash)) throw denied('OS image is not allowed');
}

function appEntry({ apps }: Policy, appId: string): Policy['apps'][string] | undefined {
  for (const [id, entry] of Object.entries(apps)) if (id.toLowerCase().replace(/^0x/, '') === appId) return entry;
  return undefined;
}

/** A device list counts only when it names somebody (spec/kms.md section 16.3). */
function checkDevice(info: BootInfo, list: { readonly devices: readonly string[]; readonly allowAnyDevice: boolean }, reason: string): void {
  if (!list.allowAnyDevice && list.devices.length > 0 && !list.devices.includes(info.deviceId)) throw denied(reason);
}

function denied(reason: string): PolicyError {
  return new PolicyError('NOT_REGISTERED', reason);
}
