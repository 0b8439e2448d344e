import type { CertificateAppInfo } from '../app-info-extension.js';
import { SPECIAL_USAGE } from '../dstack-extensions.js';
import { issueCertificate } from '../issue.js';
import type { CertificateIssuer } from '../issue.js';
import type { SubjectName } from '../name.js';
import { PKIX_OID } from '../oids.js';
import type { Validity } from '../validity.js';

export interface AppLeafCertificate {
  readonly subject: SubjectName;
  /** SubjectPublicKeyInfo, 91 bytes DER. */
  readonly spki: Uint8Array;
  readonly subjectAltNames: readonly string[];
  readonly serverAuth: boolean;
  readonly clientAuth: boolean;
  /** 20 bytes under a KMS; null under an app's own root. */
  readonly appId: Uint8Array | null;
  readonly appInfo: CertificateAppInfo | null;
  /** Stripped versioned attestation bound to `spki`, when the certificate is to carry it. */
  readonly attestation: Uint8Array | null;
  readonly validity: Validity;
}

/** DER of the certificate an app asked for, under its App CA or, without a KMS, its app root (spec/kms.md section 5). */
export function issueAppLeaf(leaf: AppLeafCertificate, ca: CertificateIssuer): Uint8Array {
  const { subject, spki, subjectAltNames, serverAuth, clientAuth, appId, appInfo, attestation, validity } = leaf;
  return issueCertificate(
    {
      subject,
      spki,
      validity,
      subjectAltNames,
      extendedKeyUsage: [...(serverAuth ? [PKIX_OID.serverAuth] : []), ...(clientAuth ? [PKIX_OID.clientAuth] : [])],
      caPathLength: null,
      dstack: { appId, appInfo, specialUsage: SPECIAL_USAGE.appCustom, attestation },
    },
    ca,
  );
}
