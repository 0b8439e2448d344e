/**
 * The material a KMS lives on, as the files of spec/kms.md section 3 hold it. Keys are PKCS#8 PEM of P-256;
 * the secp256k1 root is the raw 32-byte scalar.
 */
export interface StoredKeySet {
  readonly tmpCaKey: string;
  readonly tmpCaCert: string;
  readonly rootCaKey: string;
  readonly rootCaCert: string;
  readonly rpcKey: string;
  readonly rpcCert: string;
  /** 32 bytes. */
  readonly rootK256Key: Uint8Array;
  /** Where the KMS says it is reachable; null in a directory that never recorded it. */
  readonly rpcDomain: string | null;
  /** Compact JSON of the bootstrap answer; null after auto-bootstrap or onboarding. */
  readonly bootstrapInfo: string | null;
}

export type CertificateFile = 'tmp-ca.crt' | 'root-ca.crt' | 'rpc.crt';

/**
 * Port: where root keys are kept. Implementations are all-or-nothing: after a crash at any moment `state`
 * answers `empty` or `complete`, and existing keys are never overwritten.
 */
export interface KeyStore {
  /** Finishes or undoes an interrupted `create`, then tells what is there. @throws KeyStoreError STORE_INCOMPLETE, STORE_FAILED */
  state(): Promise<'empty' | 'complete'>;
  /** @throws KeyStoreError STORE_INCOMPLETE, STORE_MALFORMED, STORE_FAILED */
  load(): Promise<StoredKeySet>;
  /** Stores a first set of keys. @throws KeyStoreError STORE_NOT_EMPTY, STORE_FAILED */
  create(keys: StoredKeySet): Promise<void>;
  /** Replaces one certificate; keys never change. @throws KeyStoreError STORE_FAILED */
  replaceCertificate(file: CertificateFile, pem: string): Promise<void>;
}
