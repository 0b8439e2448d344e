import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SnpProduct } from '../attestation/sev-snp/product.js';
import type { TrustRoots } from '../attestation/trust-roots.js';
import { certificatePem } from '../x509/pem.js';
import { createDevelopmentNitroPki } from './nitro-pki.js';
import { developmentSnpRoot } from './snp-pki.js';
import { createDevelopmentTdxPki } from './tdx-pki.js';
import { createDevelopmentTpmPki } from './tpm-pki.js';

/** One of every kind, for every line of AMD's processors too. */
export interface DevelopmentRoots extends TrustRoots {
  readonly sevSnp: Readonly<Record<SnpProduct, Uint8Array>>;
}

/**
 * Trust anchors under which the evidence of `seed` verifies, DER. A verifier has them only when an
 * operator names them and sets `insecure_allow_external_trust_anchors` (spec/attestation.md section 10).
 * @throws TypeError unless `seed` is 32 bytes
 */
export function developmentRoots(seed: Uint8Array): DevelopmentRoots {
  return {
    tdx: createDevelopmentTdxPki(seed).root,
    nitroEnclave: createDevelopmentNitroPki(seed).root,
    gcpTpm: createDevelopmentTpmPki(seed).root,
    sevSnp: { Genoa: developmentSnpRoot(seed, 'Genoa'), Milan: developmentSnpRoot(seed, 'Milan'), Turin: developmentSnpRoot(seed, 'Turin') },
  };
}

/** Key of a `root_ca` table → name of the file its development root is in. */
export const DEVELOPMENT_ROOT_FILES = {
  tdx: 'tdx-root.pem',
  aws_nitro_enclave: 'nitro-enclave-root.pem',
  gcp_tpm: 'gcp-tpm-root.pem',
  sev_snp_genoa: 'sev-snp-genoa-root.pem',
  sev_snp_milan: 'sev-snp-milan-root.pem',
  sev_snp_turin: 'sev-snp-turin-root.pem',
} as const;

export type DevelopmentRootKey = keyof typeof DEVELOPMENT_ROOT_FILES;
export type DevelopmentRootFile = (typeof DEVELOPMENT_ROOT_FILES)[DevelopmentRootKey];

/** The same as PEM texts by file name. */
export function developmentRootFiles(seed: Uint8Array): Readonly<Record<DevelopmentRootFile, string>> {
  const { tdx, nitroEnclave, gcpTpm, sevSnp } = developmentRoots(seed);
  return {
    'tdx-root.pem': certificatePem(tdx),
    'nitro-enclave-root.pem': certificatePem(nitroEnclave),
    'gcp-tpm-root.pem': certificatePem(gcpTpm),
    'sev-snp-genoa-root.pem': certificatePem(sevSnp.Genoa),
    'sev-snp-milan-root.pem': certificatePem(sevSnp.Milan),
    'sev-snp-turin-root.pem': certificatePem(sevSnp.Turin),
  };
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
