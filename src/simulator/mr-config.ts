import { hex } from '../crypto/hex.js';
import type { DevelopmentApp } from './boot-events.js';

/** Names of key providers in events and in the document. */
const PROVIDERS = { none: 'none', 'local-sgx': 'local', tpm: 'tpm', kms: 'kms' } as const;

/**
 * The document a host launches a guest with, RFC 8785 JSON: keys sorted, nothing empty, hex in lower case
 * (spec/attestation.md section 5.5). All texts in it are ASCII, so JSON.stringify writes the canonical form.
 * @throws TypeError for an identity of the wrong length
 */
export function mrConfigDocument({ appId, composeHash, instanceId, keyProvider }: DevelopmentApp): string {
  if (appId.length !== 20) throw new TypeError('appId must be 20 bytes');
  if (composeHash.length !== 32) throw new TypeError('composeHash must be 32 bytes');
  if (instanceId.length !== 20 && instanceId.length !== 0) throw new TypeError('instanceId must be 20 bytes or empty');
  const { name, id } = keyProvider ?? { name: 'none', id: '' };
  return JSON.stringify({
    app_id: hex(appId),
    compose_hash: hex(composeHash),
    ...(instanceId.length === 0 ? {} : { instance_id: hex(instanceId) }),
    key_provider: PROVIDERS[name],
    ...(id === '' ? {} : { key_provider_id: id.toLowerCase() }),
    version: 3,
  });
}
