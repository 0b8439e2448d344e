import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Attestation } from '../../src/attestation/evidence/attestation.js';
import type { EvidenceSource } from '../../src/attestation/evidence/evidence-source.js';
import type { VerifiedAttestation } from '../../src/attestation/evidence/verified.js';
import { VerifierCache } from '../../src/attestation/evidence/verifier-cache.js';
import { verifyAttestation } from '../../src/attestation/evidence/verify.js';
import { createSnpEvidenceSource, SNP_TIMES, type SnpDeviceOptions } from '../../src/attestation/issue/snp-device.js';
import { decodeAttestation, encodeAttestation } from '../../src/attestation/wire/decode.js';
import { loadNative } from '../../src/native/loader.js';
import { mrConfigDocument } from '../../src/simulator/mr-config.js';
import { developmentRoots } from '../../src/simulator/roots.js';
import { createDevelopmentCollateralGetter } from '../../src/simulator/tdx-collateral.js';
import { createDevelopmentTdxPki } from '../../src/simulator/tdx-pki.js';
import { scratch } from './addon.js';
import { app, imageHash, seed } from './fuse/machine.js';

// The SEV-SNP source with an event log of its own; its evidence goes to the verifier as it goes to anybody's.

const clock = (): number => Date.now() / 1000;

/** @param places of the machine's interfaces; those not named do not exist */
export async function snpSource(places: { readonly tsmBase?: string; readonly sevGuest?: string }, changes: Partial<SnpDeviceOptions> = {}): Promise<EvidenceSource> {
  const folder = await scratch();
  await writeFile(join(folder, 'version'), '1');
  const runtimeEvents = { log: join(folder, 'events'), version: join(folder, 'version'), lock: join(folder, 'lock') };
  const paths = { tsmBase: '/nowhere/report', sevGuest: '/nowhere/sev-guest', ...places, runtimeEvents };
  const config = JSON.stringify({ os_image_hash: Buffer.from(imageHash).toString('hex') });
  return createSnpEvidenceSource({ native: loadNative(), paths, times: SNP_TIMES, entryName: 'dstack-1', mrConfig: mrConfigDocument(app), config, maxWaiting: 8, ...changes });
}

export function verify(attestation: Attestation): Promise<VerifiedAttestation> {
  const collateral = createDevelopmentCollateralGetter(createDevelopmentTdxPki(seed), clock);
  return verifyAttestation(decodeAttestation(encodeAttestation(attestation)), { now: clock(), roots: developmentRoots(seed), collateral, cache: new VerifierCache() });
}

export function partsOf(attestation: Attestation): Extract<Attestation['platform'], { kind: 'sev-snp' }> {
  if (attestation.platform.kind !== 'sev-snp') throw new Error(attestation.platform.kind);
  return attestation.platform;
}
