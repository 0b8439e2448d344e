import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NO_SNP_ROOTS, type TrustRoots } from '../attestation/trust-roots.js';
import { certificatePem } from '../x509/pem.js';
import { createDevelopmentNitroPki } from './nitro-pki.js';
import { createDevelopmentTdxPki } from './tdx-pki.js';
import { createDevelopmentTpmPki } from './tpm-pki.js';

/**
 * Trust anchors under which the evidence of `seed` verifies, DER. A verifier has them only when an
 * operator names them and sets `insecure_allow_external_trust_anchors` (spec/attestation.md section 10).
 * @throws TypeError unless `seed` is 32 bytes
 */
export function developmentRoots(seed: Uint8Array): TrustRoots {
  return { tdx: createDevelopmentTdxPki(seed).root, nitroEnclave: createDevelopmentNitroPki(seed).root, gcpTpm: createDevelopmentTpmPki(seed).root, sevSnp: NO_SNP_ROOTS };
}

/** The same as PEM texts by file name. */
export function developmentRootFiles(seed: Uint8Array): Readonly<Record<'tdx-root.pem' | 'nitro-enclave-root.pem' | 'gcp-tpm-root.pem', string>> {
  const { tdx, nitroEnclave, gcpTpm } = developmentRoots(seed);
  return { 'tdx-root.pem': certificatePem(tdx), 'nitro-enclave-root.pem': certificatePem(nitroEnclave), 'gcp-tpm-root.pem': certificatePem(gcpTpm) };
}

/**
 * Writes the PEM files into the existing directory `dir`, mode 0644, for a verifier's `root_ca` settings.
 * @throws Error of node:fs; TypeError unless `seed` is 32 bytes
 */
export function writeDevelopmentRoots(dir: string, seed: Uint8Array): void {
  for (const [file, pem] of Object.entries(developmentRootFiles(seed))) {
    writeFileSync(join(dir, file), pem);
    chmodSync(join(dir, file), 0o644); // whatever the umask or an older file's mode was
  }
}
