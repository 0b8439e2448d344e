import type { P256Key } from '../../crypto/p256.js';
import { issuerOf } from '../certificate-authority.js';
import { NO_DSTACK_EXTENSIONS } from '../dstack-extensions.js';
import { issueCertificate } from '../issue.js';
import type { SubjectName } from '../name.js';
import type { Validity } from '../validity.js';

export const ROOT_CA_NAME: SubjectName = { organization: 'Dstack', commonName: 'Dstack KMS CA' };

/** DER of the KMS root, self-signed; App CAs come below it (spec/kms.md section 5). */
export function issueRootCa(key: P256Key, validity: Validity): Uint8Array {
  return issueCertificate(
    { subject: ROOT_CA_NAME, spki: key.spki, validity, subjectAltNames: [], extendedKeyUsage: [], caPathLength: 1, dstack: NO_DSTACK_EXTENSIONS },
    issuerOf(ROOT_CA_NAME, key),
  );
}
