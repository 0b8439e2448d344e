/** Trust anchors as DER certificates. Vendor roots unless an operator replaced them loudly (spec/attestation.md section 10). */
export interface TrustRoots {
  /** Intel SGX Root CA. */
  readonly tdx: Uint8Array;
  /** AWS Nitro Enclaves Root G1. */
  readonly nitroEnclave: Uint8Array;
  /** Google's EK/AK CA Root. */
  readonly gcpTpm: Uint8Array;
}
