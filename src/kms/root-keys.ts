import type { P256Key } from '../crypto/p256.js';
import type { K256Key } from '../crypto/sign-message.js';

/** What a running KMS holds in memory. The bytes of the certificates may change over time, the keys never do. */
export interface RootKeys {
  /** Public by design: it satisfies TLS client authentication and vouches for nothing (spec/kms.md section 10). */
  readonly tmpCaKey: P256Key;
  readonly rootCaKey: P256Key;
  readonly rpcKey: P256Key;
  readonly k256: K256Key;
  /** PEM, as GetTempCaCert and GetAppKey hand them out. */
  readonly tmpCaCertPem: string;
  readonly rootCaCertPem: string;
  /** PEM of the RA-TLS server certificate. */
  readonly rpcCertPem: string;
}
