import { NO_DSTACK_EXTENSIONS, SPECIAL_USAGE } from '../dstack-extensions.js';
import { issueCertificate } from '../issue.js';
import type { CertificateIssuer } from '../issue.js';
import type { Validity } from '../validity.js';

export interface KmsRpcCertificate {
  /** Host name or IP address clients connect to. */
  readonly domain: string;
  /** SubjectPublicKeyInfo, 91 bytes DER. */
  readonly spki: Uint8Array;
  /** Stripped versioned attestation bound to `spki`; null when the certificate is not to be attested. */
  readonly attestation: Uint8Array | null;
  readonly validity: Validity;
}

/** DER of the KMS's own TLS certificate under its root (spec/kms.md section 5). */
export function issueKmsRpc({ domain, spki, attestation, validity }: KmsRpcCertificate, root: CertificateIssuer): Uint8Array {
  return issueCertificate(
    {
      subject: { organization: null, commonName: domain },
      spki,
      validity,
      subjectAltNames: [domain],
      extendedKeyUsage: [],
      caPathLength: null,
      dstack: { ...NO_DSTACK_EXTENSIONS, specialUsage: SPECIAL_USAGE.kmsRpc, attestation },
    },
    root,
  );
}
