import type { AppAuthorizer, AuthorizerInfo } from './app-authorizer.js';
import { type BootstrapInfo, parseBootstrapInfo } from './bootstrap-info.js';
import type { RootKeys } from './root-keys.js';

/** What a KMS tells anybody about itself. */
export interface Meta {
  readonly rootCaCert: string;
  readonly k256PublicKey: Uint8Array;
  /** Development mode: everything genuine is allowed. */
  readonly development: boolean;
  /** null where the keys did not come from an interactive bootstrap. */
  readonly bootstrapInfo: BootstrapInfo | null;
  readonly authorizer: AuthorizerInfo;
}

/**
 * GetMeta (spec/kms.md section 13.4). Asks the policy about itself each time, so it fails when the policy cannot be had.
 * @param bootstrapInfo text of `bootstrap-info.json`, or null
 */
export function createMeta(keys: RootKeys, bootstrapInfo: string | null, authorizer: AppAuthorizer): () => Promise<Meta> {
  const fixed = {
    rootCaCert: keys.rootCa.certificatePem,
    k256PublicKey: keys.k256.publicKey,
    development: authorizer.development,
    bootstrapInfo: bootstrapInfo === null ? null : parseBootstrapInfo(bootstrapInfo),
  };
  return async () => ({ ...fixed, authorizer: await authorizer.info() });
}
