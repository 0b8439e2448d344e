import type { P256Key } from '../../crypto/p256.js';
import { issuerOf } from '../certificate-authority.js';
import { NO_DSTACK_EXTENSIONS } from '../dstack-extensions.js';
import { issueCertificate } from '../issue.js';
import type { SubjectName } from '../name.js';
import type { Validity } from '../validity.js';

export const TEMP_CA_NAME: SubjectName = { organization: 'Dstack', commonName: 'Dstack Client Temp CA' };

/** DER of the CA of client certificates, self-signed. Its key is public by design (spec/kms.md section 10). */
export function issueTempCa(key: P256Key, validity: Validity): Uint8Array {
  return issueCertificate(
    { subject: TEMP_CA_NAME, spki: key.spki, validity, subjectAltNames: [], extendedKeyUsage: [], caPathLength: 0, dstack: NO_DSTACK_EXTENSIONS },
    issuerOf(TEMP_CA_NAME, key),
  );
}
