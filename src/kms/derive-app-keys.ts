import { BoundedMap } from '../cache/bounded-map.js';
import { hkdfSha256 } from '../crypto/hkdf.js';
import { dhSecret, type P256Key, p256ChildKey } from '../crypto/p256.js';
import { K256Key, SIGNED_MESSAGE_PREFIX, signMessage } from '../crypto/sign-message.js';
import { x25519PublicKey } from '../crypto/x25519.js';
import type { RootKeys } from './root-keys.js';

const APP_KEY = Buffer.from('app-key');
const APP_CA = Buffer.from('app-ca');
const DISK = Buffer.from('app-disk-crypt-key');
const ENVIRONMENT = Buffer.from('env-encrypt-key');

/** Applications whose keys stay derived; about 1 KiB each. */
const CACHED_APPS = { capacity: 1024, maxKeyLength: 20 };
/** Instances whose disk keys stay derived: application id and instance id. */
const CACHED_DISKS = { capacity: 4096, maxKeyLength: 40 };

interface DerivedApp {
  readonly k256: K256Key;
  /** 65 bytes: the root's word that this key is this application's. */
  readonly signature: Uint8Array;
  /** 32 bytes; stored unclamped, X25519 clamps. */
  readonly envCryptKey: Uint8Array;
  readonly envPublicKey: Uint8Array;
}

/**
 * Every key that follows from the roots and an application id (spec/kms.md section 13.1). Ids are 20 bytes: the
 * contexts have no separators, so another length could make two applications share a key. Callers check that;
 * this class refuses to derive otherwise.
 */
export class AppKeyDeriver {
  readonly #roots: RootKeys;
  readonly #apps = new BoundedMap<DerivedApp>(CACHED_APPS);
  readonly #disks = new BoundedMap<Uint8Array>(CACHED_DISKS);

  constructor(roots: RootKeys) {
    this.#roots = roots;
  }

  /** secp256k1 key of the application and the root's 65-byte signature over it. @throws RangeError unless `appId` is 20 bytes */
  k256(appId: Uint8Array): { readonly key: K256Key; readonly signature: Uint8Array } {
    const { k256, signature } = this.#app(appId);
    return { key: k256, signature };
  }

  /** X25519 secret (32 bytes) and public key (32 bytes) environments are encrypted to. @throws RangeError unless `appId` is 20 bytes */
  environment(appId: Uint8Array): { readonly secret: Uint8Array; readonly publicKey: Uint8Array } {
    const { envCryptKey, envPublicKey } = this.#app(appId);
    return { secret: envCryptKey, publicKey: envPublicKey };
  }

  /** Disk key, 32 bytes; `instanceId` is 20 bytes or empty. @throws RangeError for other lengths */
  disk(appId: Uint8Array, instanceId: Uint8Array): Uint8Array {
    requireAppId(appId);
    if (instanceId.length !== 0 && instanceId.length !== 20) throw new RangeError('instance id must be 20 bytes or empty');
    const key = Buffer.concat([appId, instanceId]).toString('latin1');
    return this.#disks.getOrCreate(key, () => dhSecret(this.#roots.rootCaKey.scalar, [appId, instanceId, DISK]));
  }

  /** The application's certificate authority. @throws RangeError unless `appId` is 20 bytes */
  appCa(appId: Uint8Array): P256Key {
    requireAppId(appId);
    return p256ChildKey(this.#roots.rootCaKey.scalar, [appId, APP_CA]);
  }

  #app(appId: Uint8Array): DerivedApp {
    requireAppId(appId);
    return this.#apps.getOrCreate(Buffer.from(appId).toString('latin1'), () => this.#derive(appId));
  }

  #derive(appId: Uint8Array): DerivedApp {
    const k256 = new K256Key(hkdfSha256(this.#roots.k256.scalar, [appId, APP_KEY]));
    const envCryptKey = dhSecret(this.#roots.rootCaKey.scalar, [appId, ENVIRONMENT]);
    return {
      k256,
      signature: signMessage(this.#roots.k256, SIGNED_MESSAGE_PREFIX.issuedKey, appId, k256.publicKey),
      envCryptKey,
      envPublicKey: x25519PublicKey(envCryptKey),
    };
  }
}

function requireAppId(appId: Uint8Array): void {
  if (appId.length !== 20) throw new RangeError('application id must be 20 bytes');
}
