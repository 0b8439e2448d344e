/** Why an NSM attestation document is not genuine (spec/attestation.md section 7), one code per check. */
export type NsmCode = 'NSM_DOCUMENT_MALFORMED';
