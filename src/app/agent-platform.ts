import { createHash } from 'node:crypto';
import type { CollateralGetter } from '../attestation/collateral.js';
import type { EvidenceSource } from '../attestation/evidence/evidence-source.js';
import { osImageHashOf } from '../attestation/evidence/vm-config.js';
import { PLATFORM_NAMES, type TeeVariant } from '../attestation/tee-variant.js';
import { MAX_ATTESTATION_BYTES } from '../attestation/wire/limits.js';
import type { AgentCore } from '../config/agent-config.js';
import { readBounded } from '../config/load-file.js';
import { EvidenceSourceError } from '../errors/evidence-source-error.js';
import type { AppCompose } from '../guest-agent/app-compose.js';
import { createFixtureEvidence } from '../simulator/fixture-platform.js';
import { createDevelopmentNitro, developmentPcrs } from '../simulator/nitro-platform.js';
import { assertNoTeeDevice } from '../simulator/refuse-real-tee.js';
import { createDevelopmentCollateralGetter } from '../simulator/tdx-collateral.js';
import { createDevelopmentTdxPki } from '../simulator/tdx-pki.js';
import { createDevelopmentTdx } from '../simulator/tdx-platform.js';
import { deviceEvidence } from './device-evidence.js';

/** Where the agent's evidence comes from, and what only simulated platforms have. */
export interface AgentPlatform {
  readonly evidence: EvidenceSource;
  /** The existing simulator's form of GetQuote (spec/guest-agent.md section 12). */
  readonly simulatorForm: boolean;
  /** True when nothing but this process can measure where the keys came from. */
  readonly measuresProvisioning: boolean;
  /** Development root (DER) and collateral, or null. */
  readonly root: Uint8Array | null;
  readonly collateral: CollateralGetter | null;
}

export interface PlatformInputs {
  readonly core: AgentCore;
  readonly compose: AppCompose;
  readonly vmConfig: string;
  /** Unix seconds. */
  readonly clock: () => number;
  /** Variables that say where the devices are. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * The platform the configuration asks for. `auto` never falls back to anything simulated.
 * @throws EvidenceSourceError NOT_THIS_PLATFORM, NativeModuleError without the addon
 */
export async function choosePlatform(inputs: PlatformInputs): Promise<AgentPlatform> {
  const { platform } = inputs.core;
  switch (platform) {
    case 'fixture':
      return fixturePlatform(inputs);
    case 'development':
      return developmentPlatform(inputs);
    case 'tdx':
      return devicePlatform(inputs, 'dstack-tdx');
    case 'nitro':
      return devicePlatform(inputs, 'dstack-nitro-enclave');
    case 'auto':
      return devicePlatform(inputs, null);
  }
}

/** @param wanted null for whatever there is */
async function devicePlatform({ core, compose, vmConfig, environment }: PlatformInputs, wanted: TeeVariant | null): Promise<AgentPlatform> {
  const evidence = await deviceEvidence({ vmConfig, appId: appIdOf(core, compose), environment });
  if (wanted !== null && evidence.variant !== wanted) {
    throw new EvidenceSourceError('NOT_THIS_PLATFORM', `this machine is ${PLATFORM_NAMES[evidence.variant]}, not ${PLATFORM_NAMES[wanted]} as default.core.platform says`);
  }
  return { evidence, simulatorForm: false, measuresProvisioning: false, root: null, collateral: null };
}

function fixturePlatform({ core, clock }: PlatformInputs): AgentPlatform {
  const { attestationFile, patchReportData, mockAttestationSeed: seed } = core.simulator;
  const attestation = readBounded(attestationFile ?? '', MAX_ATTESTATION_BYTES);
  const evidence = createFixtureEvidence({ attestation, patchReportData, seed: seed === null ? null : Buffer.from(seed, 'hex'), clock });
  return { evidence, simulatorForm: true, measuresProvisioning: false, root: evidence.root, collateral: evidence.collateral };
}

function developmentPlatform({ core, compose, vmConfig, clock }: PlatformInputs): AgentPlatform {
  assertNoTeeDevice();
  const seed = Buffer.from(core.simulator.mockAttestationSeed ?? '', 'hex');
  const appId = appIdOf(core, compose);
  const named = osImageHashOf(vmConfig, { unwrap: false });
  const imageHash = named.length === 0 ? new Uint8Array(32) : named;
  const simulated = { simulatorForm: false, measuresProvisioning: true };
  if (core.simulator.machine === 'nitro-enclave') {
    const evidence = createDevelopmentNitro({ seed, clock, pcrs: developmentPcrs(imageHash), appId });
    // Its KMS may be a TDX machine of the same seed.
    return { ...simulated, evidence, root: evidence.root, collateral: createDevelopmentCollateralGetter(createDevelopmentTdxPki(seed), clock) };
  }
  // One machine a seed, so the instance id of an application on it is always the same: SHA-256(seed ‖ app id) as in the boot flow.
  const app = { appId, composeHash: compose.hash, instanceId: instanceIdOf(seed, appId), keyProvider: null, storageFs: '' };
  const evidence = createDevelopmentTdx({ seed, clock, app, imageHash, vmConfig: vmConfig === '' ? null : vmConfig, eventVersion: compose.eventLogVersion });
  return { ...simulated, evidence, root: evidence.root, collateral: evidence.collateral };
}

/** Configured, or the first 20 bytes of the compose hash (spec/guest-agent.md section 13, step 4). */
function appIdOf({ provisioning }: AgentCore, compose: AppCompose): Uint8Array {
  return provisioning.appId === '' ? compose.hash.slice(0, 20) : Buffer.from(provisioning.appId, 'hex');
}

function instanceIdOf(seed: Uint8Array, appId: Uint8Array): Uint8Array {
  return Uint8Array.from(createHash('sha256').update(seed).update(appId).digest().subarray(0, 20));
}
