/** Whole attestation, bytes (spec/attestation.md section 3). */
export const MAX_ATTESTATION_BYTES = 10_485_760;
/** Certificates beside an SEV-SNP report, and PCR values of a vTPM quote. */
export const MAX_CERTIFICATES = 64;
export const MAX_PCR_VALUES = 64;
/** report_data, bytes. */
export const REPORT_DATA_BYTES = 64;
