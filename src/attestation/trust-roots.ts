import type { SnpProduct } from './sev-snp/product.js';

/** Trust anchors as DER certificates. Vendor roots unless an operator replaced them loudly (spec/attestation.md section 10). */
export interface TrustRoots {
  /** Intel SGX Root CA. */
  readonly tdx: Uint8Array;
  /** AWS Nitro Enclaves Root G1. */
  readonly nitroEnclave: Uint8Array;
  /** Google's EK/AK CA Root. */
  readonly gcpTpm: Uint8Array;
  /** AMD's root key (ARK) of each line of processors; null where none is configured. */
  readonly sevSnp: SnpRoots;
}

export type SnpRoots = Readonly<Record<SnpProduct, Uint8Array | null>>;

/** No line of processors is trusted. */
export const NO_SNP_ROOTS: SnpRoots = { Genoa: null, Milan: null, Turin: null };
