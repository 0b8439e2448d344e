/** Why an NSM attestation document is not genuine (spec/attestation.md section 7), one code per check. */
export type NsmCode =
  | 'NSM_DOCUMENT_MALFORMED'
  | 'NSM_CRITICAL_HEADER_UNSUPPORTED'
  | 'NSM_ALGORITHM_UNSUPPORTED'
  | 'NSM_DIGEST_UNSUPPORTED'
  | 'NSM_PCRS_INVALID'
  | 'NSM_DOCUMENT_STALE'
  | 'NSM_DOCUMENT_FROM_FUTURE'
  | 'NSM_SIGNATURE_INVALID'
  | 'NSM_USER_DATA_MISSING'
  | 'NSM_USER_DATA_MISMATCH';
