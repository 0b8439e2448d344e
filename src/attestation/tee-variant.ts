/** The platforms evidence can come from, by their names on the wire (spec/attestation.md section 1.0). */
export type TeeVariant =
  | 'dstack-tdx'
  | 'dstack-gcp-tdx'
  | 'dstack-nitro-enclave'
  | 'dstack-amd-sev-snp'
  | 'dstack-aws-nitro-tpm';

/** What a user of each platform knows it as; for error texts. */
export const PLATFORM_NAMES: Readonly<Record<TeeVariant, string>> = {
  'dstack-tdx': 'Intel TDX',
  'dstack-gcp-tdx': 'Intel TDX on GCP',
  'dstack-nitro-enclave': 'AWS Nitro Enclave',
  'dstack-amd-sev-snp': 'AMD SEV-SNP',
  'dstack-aws-nitro-tpm': 'AWS NitroTPM',
};
