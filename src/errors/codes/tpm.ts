/** Why a vTPM quote, or its binding to a TDX quote, is not genuine (spec/attestation.md sections 5.2 and 8), one code per check. */
export type TpmCode =
  // the quote itself
  | 'TPM_ATTEST_MALFORMED'
  | 'TPM_ATTEST_NOT_A_QUOTE'
  | 'TPM_PCR_SELECTION_MISMATCH'
  | 'TPM_PCR_BANK_UNSUPPORTED'
  | 'TPM_PCR_VALUE_INVALID'
  | 'TPM_PCR_DIGEST_MISMATCH'
  | 'TPM_EVENT_LOG_MISMATCH'
  // its signature
  | 'TPM_AK_KEY_UNSUPPORTED'
  | 'TPM_SIGNATURE_MALFORMED'
  | 'TPM_SIGNATURE_ALGORITHM_UNSUPPORTED'
  | 'TPM_SIGNATURE_INVALID'
  // the attestation key's certificates
  | 'TPM_AK_CHAIN_TOO_LONG'
  | 'TPM_AK_URL_REFUSED'
  // what binds it to the trust domain
  | 'TPM_PCR_MISSING'
  | 'TPM_QUALIFYING_DATA_MISMATCH'
  | 'TPM_PCR14_MISMATCH';
