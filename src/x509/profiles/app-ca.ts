import { p256ChildKey } from '../../crypto/p256.js';
import type { P256Key } from '../../crypto/p256.js';
import { issuerOf } from '../certificate-authority.js';
import type { CertificateAuthority } from '../certificate-authority.js';
import { NO_DSTACK_EXTENSIONS, SPECIAL_USAGE } from '../dstack-extensions.js';
import { issueCertificate } from '../issue.js';
import type { CertificateIssuer } from '../issue.js';
import type { SubjectName } from '../name.js';
import { certificatePem } from '../pem.js';
import type { Validity } from '../validity.js';

export const APP_CA_NAME: SubjectName = { organization: 'Dstack', commonName: 'Dstack App CA' };

/** An app's CA key: child of the KMS root by the app's id of 20 bytes (spec/attestation.md section 9.6). @throws KeyMaterialError */
export function appCaKey(rootScalar: Uint8Array, appId: Uint8Array): P256Key {
  return p256ChildKey(rootScalar, [appId, Buffer.from('app-ca', 'latin1')]);
}

/** The CA of one app under the KMS root, with its certificate freshly issued (spec/kms.md section 5). */
export function issueAppCa(key: P256Key, appId: Uint8Array, validity: Validity, root: CertificateIssuer): CertificateAuthority {
  const der = issueCertificate(
    {
      subject: APP_CA_NAME,
      spki: key.spki,
      validity,
      subjectAltNames: [],
      extendedKeyUsage: [],
      caPathLength: 0,
      dstack: { ...NO_DSTACK_EXTENSIONS, appId, specialUsage: SPECIAL_USAGE.appCa },
    },
    root,
  );
  return { ...issuerOf(APP_CA_NAME, key), certificatePem: certificatePem(der), key };
}
