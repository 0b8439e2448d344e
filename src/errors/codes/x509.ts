/** Why a certificate, its chain or a revocation list is refused (spec/attestation.md section 6.4). */
export type X509Code = 'CERTIFICATE_MALFORMED';
