import { BoundedMap } from '../cache/bounded-map.js';
import { SIGNED_MESSAGE_PREFIX, signMessage, signTimestampedMessage } from '../crypto/sign-message.js';
import { invalidArgument } from '../errors/service-error.js';
import type { AppKeyDeriver } from './derive-app-keys.js';
import type { RootKeys } from './root-keys.js';
import type { SelfAuthorization } from './self-authorization.js';

/** What environment variables of an application are encrypted to, with the root's word for it. */
export interface EnvEncryptKey {
  /** X25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 65 bytes. */
  readonly signature: Uint8Array;
  /** Unix seconds. */
  readonly timestamp: bigint;
  /** 65 bytes; `timestamp` is inside. */
  readonly signatureV1: Uint8Array;
}

export interface EnvEncryptKeyDependencies {
  readonly self: SelfAuthorization;
  readonly deriver: AppKeyDeriver;
  readonly keys: RootKeys;
  /** Unix seconds. */
  readonly clock: () => number;
}

const REMEMBERED_APPS = { capacity: 1024, maxKeyLength: 20 };

/** GetAppEnvEncryptPubKey, for anybody (spec/kms.md section 13.3). */
export class EnvEncryptKeys {
  readonly #dependencies: EnvEncryptKeyDependencies;
  /** The signature without time never changes, and anybody may ask for any application's. */
  readonly #signatures = new BoundedMap<Uint8Array>(REMEMBERED_APPS);

  constructor(dependencies: EnvEncryptKeyDependencies) {
    this.#dependencies = dependencies;
  }

  /** @throws ServiceError INVALID_ARGUMENT unless `appId` is 20 bytes, INTERNAL_ERROR when this KMS is no longer allowed */
  async get(appId: Uint8Array): Promise<EnvEncryptKey> {
    const { self, deriver, keys, clock } = this.#dependencies;
    await self.check();
    if (appId.length !== 20) throw invalidArgument('app_id must be 20 bytes');
    const { publicKey } = deriver.environment(appId);
    const prefix = SIGNED_MESSAGE_PREFIX.envEncryptKey;
    const timestamp = BigInt(Math.floor(clock()));
    return {
      publicKey,
      signature: this.#signatures.getOrCreate(Buffer.from(appId).toString('latin1'), () => signMessage(keys.k256, prefix, appId, publicKey)),
      timestamp,
      signatureV1: signTimestampedMessage(keys.k256, prefix, appId, timestamp, publicKey),
    };
  }
}
