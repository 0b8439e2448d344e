import { createHash } from 'node:crypto';
import type { EvidenceSource } from '../attestation/evidence/evidence-source.js';
import { osImageHashOf } from '../attestation/evidence/vm-config.js';
import { MAX_ATTESTATION_BYTES } from '../attestation/wire/limits.js';
import { readBounded } from '../config/load-file.js';
import { developmentBanner } from '../simulator/banner.js';
import { createFixtureEvidence } from '../simulator/fixture-platform.js';
import { createDevelopmentNitro, developmentPcrs } from '../simulator/nitro-platform.js';
import { assertNoTeeDevice } from '../simulator/refuse-real-tee.js';
import { createDevelopmentCollateralGetter } from '../simulator/tdx-collateral.js';
import { createDevelopmentTdxPki } from '../simulator/tdx-pki.js';
import { createDevelopmentTdx } from '../simulator/tdx-platform.js';
import { type AgentPlatform, appIdOf, type PlatformInputs } from './agent-platform.js';

/** The agent on recorded evidence (spec/guest-agent.md section 12). @throws ConfigError, VerificationError */
export function fixturePlatform({ core, clock }: PlatformInputs): AgentPlatform {
  const { attestationFile, patchReportData, mockAttestationSeed: seed } = core.simulator;
  const attestation = readBounded(attestationFile ?? '', MAX_ATTESTATION_BYTES);
  const evidence = createFixtureEvidence({ attestation, patchReportData, seed: seed === null ? null : Buffer.from(seed, 'hex'), clock });
  return { evidence, simulatorForm: true, measuresProvisioning: false, root: evidence.root, banner: bannerOf(evidence, evidence.root), collateral: evidence.collateral };
}

/** The agent on the development platform of a seed. @throws EvidenceSourceError NOT_THIS_PLATFORM where there is a TEE device */
export function developmentPlatform({ core, compose, vmConfig, clock }: PlatformInputs): AgentPlatform {
  assertNoTeeDevice();
  const seed = Buffer.from(core.simulator.mockAttestationSeed ?? '', 'hex');
  const appId = appIdOf(core, compose);
  const named = osImageHashOf(vmConfig, { unwrap: false });
  const imageHash = named.length === 0 ? new Uint8Array(32) : named;
  const simulated = { simulatorForm: false, measuresProvisioning: true };
  if (core.simulator.machine === 'nitro-enclave') {
    const evidence = createDevelopmentNitro({ seed, clock, pcrs: developmentPcrs(imageHash), appId });
    // Its KMS may be a TDX machine of the same seed.
    return { ...simulated, evidence, root: evidence.root, banner: bannerOf(evidence, evidence.root), collateral: createDevelopmentCollateralGetter(createDevelopmentTdxPki(seed), clock) };
  }
  // One machine a seed, so the instance id of an application on it is always the same: SHA-256(seed ‖ app id) as in the boot flow.
  const app = { appId, composeHash: compose.hash, instanceId: instanceIdOf(seed, appId), keyProvider: null, storageFs: '' };
  const evidence = createDevelopmentTdx({ seed, clock, app, imageHash, vmConfig: vmConfig === '' ? null : vmConfig, eventVersion: compose.eventLogVersion });
  return { ...simulated, evidence, root: evidence.root, banner: bannerOf(evidence, evidence.root), collateral: evidence.collateral };
}

function bannerOf({ development, variant }: EvidenceSource, root: Uint8Array | null): readonly string[] {
  return development ? developmentBanner(variant, root) : [];
}

function instanceIdOf(seed: Uint8Array, appId: Uint8Array): Uint8Array {
  return Uint8Array.from(createHash('sha256').update(seed).update(appId).digest().subarray(0, 20));
}
