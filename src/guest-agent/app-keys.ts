import { hex } from '../crypto/hex.js';
import { parseJsonDocument, type JsonFields } from './json-document.js';

/** Who gave the instance its keys, and with what its certificates are signed (spec/guest-agent.md section 3.1). */
export type KeyProvider =
  /** `key`: PKCS#8 PEM of the application CA. */
  | { readonly kind: 'none'; readonly key: string }
  /** `mr`: measurement of the local key provider's enclave. */
  | { readonly kind: 'local'; readonly key: string; readonly mr: Uint8Array }
  | { readonly kind: 'tpm'; readonly key: string; readonly pubkey: Uint8Array }
  /** `url` ends in `/prpc`; `pubkey` is the SubjectPublicKeyInfo of the KMS root CA; the temp CA pair is public by design. */
  | { readonly kind: 'kms'; readonly url: string; readonly pubkey: Uint8Array; readonly tmpCaKey: string; readonly tmpCaCert: string };

/** Everything an instance was provisioned with. */
export interface AppKeys {
  readonly diskCryptKey: Uint8Array;
  /** Empty without a KMS. */
  readonly envCryptKey: Uint8Array;
  /** secp256k1 scalar, 32 bytes: the root of every key of the application. */
  readonly k256Key: Uint8Array;
  /** KMS root over the application's public key, 65 bytes; empty without a KMS. */
  readonly k256Signature: Uint8Array;
  readonly gatewayAppId: string;
  /** PEM. */
  readonly caCert: string;
  readonly keyProvider: KeyProvider;
}

const WHAT = 'app keys';

/**
 * Reads `.appkeys.json`. Unknown keys are ignored, as in every reader of this file.
 * @throws ConfigError CONFIG_MALFORMED or CONFIG_INVALID naming the key, never its value
 */
export function parseAppKeys(text: string): AppKeys {
  const file = parseJsonDocument(text, WHAT);
  const keys: AppKeys = {
    diskCryptKey: file.hex('disk_crypt_key'),
    envCryptKey: file.hex('env_crypt_key', new Uint8Array()),
    k256Key: file.hex('k256_key'),
    k256Signature: file.hex('k256_signature'),
    gatewayAppId: file.text('gateway_app_id'),
    caCert: file.text('ca_cert'),
    keyProvider: provider(file.object('key_provider') ?? file.refuse('key_provider', 'is missing')),
  };
  if (keys.k256Key.length !== 32) file.refuse('k256_key', 'must be 32 bytes');
  if (![0, 65].includes(keys.k256Signature.length)) file.refuse('k256_signature', 'must be 65 bytes or empty');
  return keys;
}

/** The file `parseAppKeys` reads, in the key order of the existing writer, compact. */
export function formatAppKeys(keys: AppKeys): string {
  return JSON.stringify({
    disk_crypt_key: hex(keys.diskCryptKey),
    env_crypt_key: hex(keys.envCryptKey),
    k256_key: hex(keys.k256Key),
    k256_signature: hex(keys.k256Signature),
    gateway_app_id: keys.gatewayAppId,
    ca_cert: keys.caCert,
    key_provider: providerJson(keys.keyProvider),
  });
}

/** Id of the provider as it is measured: enclave measurement, KMS root SPKI, or empty. */
export function keyProviderId(provided: KeyProvider): Uint8Array {
  switch (provided.kind) {
    case 'local':
      return provided.mr;
    case 'kms':
      return provided.pubkey;
    case 'none':
    case 'tpm':
      return new Uint8Array();
  }
}

function provider(tagged: JsonFields): KeyProvider {
  const [tag, ...more] = tagged.keys;
  const body = tag === undefined || more.length > 0 ? null : tagged.object(tag);
  if (tag === undefined || body === null) return tagged.refuse('provider', 'must be exactly one of None, Local, Tpm, Kms');
  switch (tag) {
    case 'None':
      return { kind: 'none', key: body.text('key') };
    case 'Local':
      return { kind: 'local', key: body.text('key'), mr: body.hex('mr') };
    case 'Tpm':
      return { kind: 'tpm', key: body.text('key'), pubkey: body.hex('pubkey') };
    case 'Kms':
      return {
        kind: 'kms',
        url: body.text('url'),
        pubkey: body.hex('pubkey'),
        tmpCaKey: body.text('tmp_ca_key'),
        tmpCaCert: body.text('tmp_ca_cert'),
      };
    default:
      return tagged.refuse('provider', 'must be one of None, Local, Tpm, Kms');
  }
}

function providerJson(provided: KeyProvider): unknown {
  switch (provided.kind) {
    case 'none':
      return { None: { key: provided.key } };
    case 'local':
      return { Local: { key: provided.key, mr: hex(provided.mr) } };
    case 'tpm':
      return { Tpm: { key: provided.key, pubkey: hex(provided.pubkey) } };
    case 'kms':
      return { Kms: { url: provided.url, pubkey: hex(provided.pubkey), tmp_ca_key: provided.tmpCaKey, tmp_ca_cert: provided.tmpCaCert } };
  }
}
