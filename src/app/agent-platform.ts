import { createHash } from 'node:crypto';
import type { CollateralGetter } from '../attestation/collateral.js';
import type { EvidenceSource } from '../attestation/evidence/evidence-source.js';
import { osImageHashOf } from '../attestation/evidence/vm-config.js';
import { detectPlatform, PLATFORM_PATHS } from '../attestation/issue/detect-platform.js';
import { createNsmEvidenceSource, NSM_DEFAULTS } from '../attestation/issue/nsm-device.js';
import { createTdxEvidenceSource, TDX_PATHS, TDX_TIMES } from '../attestation/issue/tdx-device.js';
import { PLATFORM_NAMES, type TeeVariant } from '../attestation/tee-variant.js';
import { MAX_ATTESTATION_BYTES } from '../attestation/wire/limits.js';
import type { AgentCore } from '../config/agent-config.js';
import { readBounded } from '../config/load-file.js';
import { EvidenceSourceError } from '../errors/evidence-source-error.js';
import type { AppCompose } from '../guest-agent/app-compose.js';
import { loadNative } from '../native/loader.js';
import { createFixtureEvidence } from '../simulator/fixture-platform.js';
import { createDevelopmentNitro, developmentPcrs } from '../simulator/nitro-platform.js';
import { assertNoTeeDevice } from '../simulator/refuse-real-tee.js';
import { createDevelopmentTdx } from '../simulator/tdx-platform.js';

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
  /** Variables that say where the devices are; see `tdxPlatform`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Requests that may wait for a device while it serves another. */
const MAX_WAITING = 64;

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
      return tdxPlatform(inputs);
    case 'nitro':
      return nitroPlatform(inputs);
    case 'auto':
      return detectedPlatform(inputs, await detectPlatform(platformPaths(inputs), `dstack-probe-${process.pid}`));
  }
}

function detectedPlatform(inputs: PlatformInputs, variant: TeeVariant | null): AgentPlatform {
  if (variant === 'dstack-tdx') return tdxPlatform(inputs);
  if (variant === 'dstack-nitro-enclave') return nitroPlatform(inputs);
  const found = variant === null ? 'no TEE was found on this machine' : `${PLATFORM_NAMES[variant]} is not supported by this release`;
  throw new EvidenceSourceError('NOT_THIS_PLATFORM', `${found}; see default.core.platform for the simulated platforms`);
}

function platformPaths({ environment }: PlatformInputs): typeof PLATFORM_PATHS {
  return { ...PLATFORM_PATHS, tsmOverride: environment['DCAP_TDX_QUOTE_CONFIGFS_PATH'] ?? null };
}

/** The variables are those of the existing agent (spec/attestation.md section 1). */
function tdxPlatform({ vmConfig, environment }: PlatformInputs): AgentPlatform {
  const paths = {
    ...TDX_PATHS,
    tsm: { ...TDX_PATHS.tsm, override: environment['DCAP_TDX_QUOTE_CONFIGFS_PATH'] ?? null },
    rtmrSysfsOverride: environment['DCAP_TDX_RTMR_SYSFS_PATH'] ?? null,
    ccel: environment['DSTACK_CCEL_FILE'] ?? TDX_PATHS.ccel,
  };
  const evidence = createTdxEvidenceSource({ native: loadNative(), paths, times: TDX_TIMES, config: vmConfig, maxWaiting: MAX_WAITING });
  return device(evidence);
}

function nitroPlatform({ core, compose }: PlatformInputs): AgentPlatform {
  return device(createNsmEvidenceSource({ native: loadNative(), ...NSM_DEFAULTS, appId: appIdOf(core, compose) }));
}

function device(evidence: EvidenceSource): AgentPlatform {
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
    return { ...simulated, evidence, root: evidence.root, collateral: null };
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
