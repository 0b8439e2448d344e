/** Why SEV-SNP evidence is not genuine (spec/attestation.md sections 5.2, 5.5 and 5.6), one code per check. */
export type SevSnpCode =
  // the report's form
  | 'SNP_REPORT_MALFORMED'
  | 'SNP_REPORT_VERSION_UNSUPPORTED'
  | 'SNP_SIGNATURE_ALGORITHM_UNSUPPORTED'
  | 'SNP_SIGNING_KEY_UNSUPPORTED'
  | 'SNP_PRODUCT_UNKNOWN'
  // trust anchor and certificates
  | 'SNP_ROOT_NOT_CONFIGURED'
  | 'SNP_ROOT_INVALID'
  | 'SNP_CERTIFICATES_MALFORMED'
  | 'SNP_CERTIFICATE_EXTENSION_MALFORMED'
  | 'SNP_CERTIFICATE_KIND_MISMATCH'
  | 'SNP_CERTIFICATE_PRODUCT_MISMATCH'
  | 'SNP_CERTIFICATE_CHIP_MISMATCH'
  | 'SNP_CERTIFICATE_TCB_MISMATCH'
  // the report's signature
  | 'SNP_SIGNATURE_INVALID'
  // what the report says of its guest and machine
  | 'SNP_VMPL_NOT_ZERO'
  | 'SNP_MIGRATION_AGENT_ALLOWED'
  | 'SNP_CHIP_KEY_MASKED'
  | 'SNP_SMT_ENABLED'
  | 'SNP_RAPL_ENABLED'
  | 'SNP_CIPHERTEXT_HIDING_MISSING'
  // the document HOST_DATA stands for
  | 'SNP_HOST_DATA_MISMATCH'
  | 'MR_CONFIG_MALFORMED';
