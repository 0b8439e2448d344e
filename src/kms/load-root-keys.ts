import { KeyMaterialError } from '../crypto/key-error.js';
import { p256KeyFromPem } from '../crypto/p256-pem.js';
import { K256Key } from '../crypto/sign-message.js';
import { ConfigError } from '../errors/config-error.js';
import { KeyStoreError } from '../errors/key-store-error.js';
import { VerificationError } from '../errors/verification-error.js';
import { loadCertificateAuthority } from '../x509/certificate-authority.js';
import type { StoredKeySet } from './key-store.js';
import type { RootKeys } from './root-keys.js';

/**
 * The keys of a stored set, each checked against its certificate.
 * @throws KeyStoreError STORE_MALFORMED naming the file
 */
export function loadRootKeys(stored: StoredKeySet): RootKeys {
  const tmpCaKey = readable('tmp-ca.key', () => p256KeyFromPem(stored.tmpCaKey));
  const rootCaKey = readable('root-ca.key', () => p256KeyFromPem(stored.rootCaKey));
  return {
    tmpCaKey,
    rootCaKey,
    rpcKey: readable('rpc.key', () => p256KeyFromPem(stored.rpcKey)),
    k256: readable('root-k256.key', () => new K256Key(stored.rootK256Key)),
    tmpCa: readable('tmp-ca.crt', () => loadCertificateAuthority(stored.tmpCaCert, tmpCaKey)),
    rootCa: readable('root-ca.crt', () => loadCertificateAuthority(stored.rootCaCert, rootCaKey)),
  };
}

function readable<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const isMalformed = cause instanceof KeyMaterialError || cause instanceof VerificationError || cause instanceof ConfigError;
    throw isMalformed ? new KeyStoreError('STORE_MALFORMED', `${file} is not usable`, { cause }) : cause;
  }
}
