import { sha256 } from '../crypto/sha256.js';
import { ConfigError } from '../errors/config-error.js';
import { parseJsonDocument, type JsonFields } from './json-document.js';

/** Bytes; what the boot flow accepts (spec/guest-agent.md section 13). */
export const MAX_COMPOSE_BYTES = 50 * 1024 * 1024;

/** What the agent itself needs of `app-compose.json`; the rest only counts for the hash. */
export interface AppCompose {
  readonly name: string;
  /** False: strangers see neither measurements nor virtual machine configuration. */
  readonly publicTcbinfo: boolean;
  readonly keyProvider: 'none' | 'kms' | 'local' | 'tpm';
  /** Pin of the key provider: root SPKI of a KMS, enclave measurement of a local one; empty for none. */
  readonly keyProviderId: Uint8Array;
  readonly eventLogVersion: 1 | 2;
  /** The exact file, republished in `tcb_info`. */
  readonly text: string;
  /** SHA-256 of the exact bytes: what the boot flow measured. */
  readonly hash: Uint8Array;
}

/**
 * Reads `app-compose.json` (spec/guest-agent.md section 3.2).
 * @throws ConfigError CONFIG_MALFORMED (size, UTF-8, JSON) or CONFIG_INVALID naming the key
 */
export function parseAppCompose(bytes: Uint8Array): AppCompose {
  if (bytes.length > MAX_COMPOSE_BYTES) throw new ConfigError('CONFIG_MALFORMED', `app compose: larger than ${MAX_COMPOSE_BYTES} bytes`);
  const text = utf8(bytes);
  const file = parseJsonDocument(text, 'app compose');
  checkManifestVersion(file);
  file.text('runner');
  return {
    name: file.text('name'),
    publicTcbinfo: file.flag('public_tcbinfo', true),
    keyProvider: keyProvider(file),
    keyProviderId: file.hex('key_provider_id', new Uint8Array()),
    eventLogVersion: eventLogVersion(file),
    text,
    hash: sha256(bytes),
  };
}

function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new ConfigError('CONFIG_MALFORMED', 'app compose: not UTF-8', { cause });
  }
}

/** Numbers from 3 on are rejected on purpose: newer manifests write the version as text. */
function checkManifestVersion(file: JsonFields): void {
  const version = file.raw('manifest_version');
  const text = typeof version === 'string' ? version.trim() : '';
  if (version !== 1 && version !== 2 && !/^[1-9][0-9]{0,9}$/.test(text)) file.refuse('manifest_version', 'must be 1, 2, or decimal text');
  if (Number(text) > 3) file.refuse('manifest_version', 'is newer than 3, the newest known');
}

function keyProvider(file: JsonFields): AppCompose['keyProvider'] {
  const named = file.raw('key_provider') ?? null;
  if (named === 'none' || named === 'kms' || named === 'local' || named === 'tpm') return named;
  if (named !== null) return file.refuse('key_provider', 'must be one of none, kms, local, tpm');
  if (file.flag('kms_enabled', false)) return 'kms';
  return file.flag('local_key_provider_enabled', false) ? 'local' : 'none';
}

function eventLogVersion(file: JsonFields): 1 | 2 {
  const version = file.raw('event_log_version') ?? 1;
  return version === 1 || version === 2 ? version : file.refuse('event_log_version', 'must be 1 or 2');
}
