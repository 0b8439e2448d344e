/** Why a TDX or SGX quote is not genuine (spec/attestation.md section 6.3), one code per check. */
export type DcapCode = 'QUOTE_MALFORMED';
