import type { CollateralGetter } from '../attestation/collateral.js';
import type { EvidenceSource } from '../attestation/evidence/evidence-source.js';
import { PLATFORM_NAMES, type TeeVariant } from '../attestation/tee-variant.js';
import type { AgentCore } from '../config/agent-config.js';
import { EvidenceSourceError } from '../errors/evidence-source-error.js';
import type { AppCompose } from '../guest-agent/app-compose.js';
import { deviceEvidence } from './device-evidence.js';

/** Where the agent's evidence comes from, and what only simulated platforms have. */
export interface AgentPlatform {
  readonly evidence: EvidenceSource;
  /** The existing simulator's form of GetQuote (spec/guest-agent.md section 12). */
  readonly simulatorForm: boolean;
  /** True when nothing but this process can measure where the keys came from. */
  readonly measuresProvisioning: boolean;
  /** Lines to show at the start so that nobody takes a simulation for the real thing; none on hardware. */
  readonly banner: readonly string[];
  /** Collateral of development machines, or null. */
  readonly collateral: CollateralGetter | null;
}

export interface PlatformInputs {
  readonly core: AgentCore;
  readonly compose: AppCompose;
  readonly vmConfig: string;
  readonly mrConfig: string;
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
      // Loaded only here: production never has the simulator in memory.
      return (await import('./simulated-platform.js')).fixturePlatform(inputs);
    case 'development':
      return (await import('./simulated-platform.js')).developmentPlatform(inputs);
    case 'tdx':
      return devicePlatform(inputs, 'dstack-tdx');
    case 'gcp-tdx':
      return devicePlatform(inputs, 'dstack-gcp-tdx');
    case 'sev-snp':
      return devicePlatform(inputs, 'dstack-amd-sev-snp');
    case 'nitro':
      return devicePlatform(inputs, 'dstack-nitro-enclave');
    case 'auto':
      return devicePlatform(inputs, null);
  }
}

/** @param wanted null for whatever there is */
async function devicePlatform({ core, compose, vmConfig, mrConfig, environment }: PlatformInputs, wanted: TeeVariant | null): Promise<AgentPlatform> {
  const evidence = await deviceEvidence({ vmConfig, mrConfig, appId: appIdOf(core, compose), environment });
  if (wanted !== null && evidence.variant !== wanted) {
    throw new EvidenceSourceError('NOT_THIS_PLATFORM', `this machine is ${PLATFORM_NAMES[evidence.variant]}, not ${PLATFORM_NAMES[wanted]} as default.core.platform says`);
  }
  return { evidence, simulatorForm: false, measuresProvisioning: false, banner: [], collateral: null };
}

/** Configured, or the first 20 bytes of the compose hash (spec/guest-agent.md section 13, step 4). */
export function appIdOf({ provisioning }: AgentCore, compose: AppCompose): Uint8Array {
  return provisioning.appId === '' ? compose.hash.slice(0, 20) : Buffer.from(provisioning.appId, 'hex');
}
