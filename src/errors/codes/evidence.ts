/** Why a versioned attestation, as a whole, is not genuine (spec/attestation.md sections 2, 3, 5.2 and 9). */
export type EvidenceCode =
  | 'ATTESTATION_MALFORMED'
  | 'ATTESTATION_NOT_ENCODABLE'
  | 'EVENT_LOG_MALFORMED'
  | 'EVENT_DIGEST_MISMATCH'
  | 'RTMR3_MISMATCH'
  | 'REPORT_DATA_MISMATCH'
  | 'TDX_MODULE_SIGNER_NOT_INTEL'
  | 'VM_CONFIG_MALFORMED'
  | 'APP_ID_INVALID'
  | 'ATTESTATION_ABSENT';
