import { NO_DSTACK_EXTENSIONS } from '../dstack-extensions.js';
import { issueCertificate } from '../issue.js';
import type { CertificateIssuer } from '../issue.js';
import type { Validity } from '../validity.js';

export interface RaClientCertificate {
  /** SubjectPublicKeyInfo, 91 bytes DER. */
  readonly spki: Uint8Array;
  /** Stripped versioned attestation bound to `spki`. */
  readonly attestation: Uint8Array;
  readonly validity: Validity;
}

/** DER of the certificate a client shows a KMS, under the KMS's temp CA (spec/kms.md section 5). */
export function issueRaClient({ spki, attestation, validity }: RaClientCertificate, tempCa: CertificateIssuer): Uint8Array {
  return issueCertificate(
    {
      subject: { organization: null, commonName: 'RA-TLS TEMP Cert' },
      spki,
      validity,
      subjectAltNames: [],
      extendedKeyUsage: [],
      caPathLength: null,
      dstack: { ...NO_DSTACK_EXTENSIONS, attestation },
    },
    tempCa,
  );
}
