import type { P256Key } from '../../crypto/p256.js';
import { issuerOf } from '../certificate-authority.js';
import { NO_DSTACK_EXTENSIONS } from '../dstack-extensions.js';
import { issueCertificate } from '../issue.js';
import type { SubjectName } from '../name.js';
import type { Validity } from '../validity.js';

const APP_ROOT_NAME: SubjectName = { organization: null, commonName: 'App Root Cert' };

/**
 * DER of the self-signed root of an app that has its keys from no KMS (spec/kms.md section 5). `attestation`
 * is stripped and bound to the key.
 */
export function issueAppRoot(key: P256Key, attestation: Uint8Array, validity: Validity): Uint8Array {
  return issueCertificate(
    {
      subject: APP_ROOT_NAME,
      spki: key.spki,
      validity,
      subjectAltNames: [],
      extendedKeyUsage: [],
      caPathLength: 1,
      dstack: { ...NO_DSTACK_EXTENSIONS, attestation },
    },
    issuerOf(APP_ROOT_NAME, key),
  );
}
