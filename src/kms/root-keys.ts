import type { P256Key } from '../crypto/p256.js';
import type { K256Key } from '../crypto/sign-message.js';
import type { CertificateAuthority } from '../x509/certificate-authority.js';

/** What a running KMS holds in memory. The bytes of the certificates may change over time, the keys never do. */
export interface RootKeys {
  /** Public by design: it satisfies TLS client authentication and vouches for nothing (spec/kms.md section 10). */
  readonly tmpCaKey: P256Key;
  readonly rootCaKey: P256Key;
  readonly rpcKey: P256Key;
  readonly k256: K256Key;
  /** With the certificates as GetTempCaCert and GetAppKey hand them out. */
  readonly tmpCa: CertificateAuthority;
  readonly rootCa: CertificateAuthority;
}
