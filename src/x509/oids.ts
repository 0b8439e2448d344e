/** dstack's certificate extensions (spec/attestation.md section 9.1); values are OCTET STRINGs inside extnValue. */
export const DSTACK_OID = {
  legacyTdxQuote: '1.3.6.1.4.1.62397.1.1',
  legacyEventLog: '1.3.6.1.4.1.62397.1.2',
  appId: '1.3.6.1.4.1.62397.1.3',
  specialUsage: '1.3.6.1.4.1.62397.1.4',
  attestation: '1.3.6.1.4.1.62397.1.8',
  appInfo: '1.3.6.1.4.1.62397.1.9',
} as const;

/** Extensions of RFC 5280 section 4.2 and 5.2. */
export const EXTENSION_OID = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  crlNumber: '2.5.29.20',
  crlDistributionPoints: '2.5.29.31',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  authorityInfoAccess: '1.3.6.1.5.5.7.1.1',
} as const;

/** Key purposes of RFC 5280 section 4.2.1.12 and the access method of section 4.2.2.1. */
export const PKIX_OID = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  caIssuers: '1.3.6.1.5.5.7.48.2',
} as const;

/** Name attributes of RFC 5280 appendix A.1. */
export const NAME_OID = { commonName: '2.5.4.3', country: '2.5.4.6', locality: '2.5.4.7', state: '2.5.4.8', organization: '2.5.4.10', unit: '2.5.4.11' } as const;

/** Signature algorithms of RFC 5758 section 3.2. */
export const SIGNATURE_OID = { ecdsaWithSha256: '1.2.840.10045.4.3.2', ecdsaWithSha384: '1.2.840.10045.4.3.3' } as const;
