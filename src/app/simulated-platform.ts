import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { EvidenceSource } from '../attestation/evidence/evidence-source.js';
import { osImageHashOf } from '../attestation/evidence/vm-config.js';
import { MAX_ATTESTATION_BYTES } from '../attestation/wire/limits.js';
import { readBounded } from '../config/load-file.js';
import type { AppCompose } from '../guest-agent/app-compose.js';
import { developmentBanner } from '../simulator/banner.js';
import type { DevelopmentApp } from '../simulator/boot-events.js';
import { createFixtureEvidence } from '../simulator/fixture-platform.js';
import { createMachine } from '../simulator/machines.js';
import { assertNoTeeDevice } from '../simulator/refuse-real-tee.js';
import { createDevelopmentCollateralGetter } from '../simulator/tdx-collateral.js';
import { createDevelopmentTdxPki } from '../simulator/tdx-pki.js';
import { type AgentPlatform, appIdOf, type PlatformInputs } from './agent-platform.js';

/** The agent on recorded evidence (spec/guest-agent.md section 12). @throws ConfigError, VerificationError */
export function fixturePlatform({ core, clock }: PlatformInputs): AgentPlatform {
  const { attestationFile, patchReportData, mockAttestationSeed: seed } = core.simulator;
  const attestation = readBounded(attestationFile ?? '', MAX_ATTESTATION_BYTES);
  const evidence = createFixtureEvidence({ attestation, patchReportData, seed: seed === null ? null : Buffer.from(seed, 'hex'), clock });
  return { evidence, simulatorForm: true, measuresProvisioning: false, banner: developmentBanner(evidence.variant, evidence.roots), collateral: evidence.collateral };
}

/** The agent on the development platform of a seed. @throws EvidenceSourceError NOT_THIS_PLATFORM where there is a TEE device; as `createMachine` */
export function developmentPlatform({ core, compose, vmConfig, clock }: PlatformInputs): AgentPlatform {
  assertNoTeeDevice();
  const seed = Buffer.from(core.simulator.mockAttestationSeed ?? '', 'hex');
  const appId = appIdOf(core, compose);
  const named = osImageHashOf(vmConfig, { unwrap: false });
  const { evidence, roots } = createMachine(core.simulator.machine, {
    seed,
    clock,
    imageHash: named.length === 0 ? new Uint8Array(32) : named,
    vmConfig,
    appId,
    composeHash: compose.hash,
    // One machine a seed, so the instance id of an application on it is always the same: SHA-256(seed ‖ app id) as in the boot flow.
    instanceId: Uint8Array.from(createHash('sha256').update(seed).update(appId).digest().subarray(0, 20)),
    keyProvider: keyProviderOf(compose),
    eventVersion: compose.eventLogVersion,
  });
  return {
    evidence: slowed(evidence, core.simulator.quoteDelayMs),
    simulatorForm: false,
    measuresProvisioning: true,
    banner: developmentBanner(evidence.variant, roots),
    // Its KMS is a TDX machine of the same seed, whatever it is itself.
    collateral: createDevelopmentCollateralGetter(createDevelopmentTdxPki(seed), clock),
  };
}

/** A machine whose evidence takes as long as hardware's may. */
function slowed<T extends EvidenceSource>(evidence: T, delayMs: number): T {
  if (delayMs === 0) return evidence;
  return { ...evidence, attest: async (reportData, signal) => delay(delayMs).then(() => evidence.attest(reportData, signal)) };
}

function keyProviderOf({ keyProvider, keyProviderId }: AppCompose): NonNullable<DevelopmentApp['keyProvider']> {
  return { name: keyProvider === 'local' ? 'local-sgx' : keyProvider, id: Buffer.from(keyProviderId).toString('hex') };
}
