import { sha256 } from '../../crypto/sha256.js';
import { VerificationError } from '../../errors/verification-error.js';

/** Who gives an application its keys, as the document and as the guest's measurements spell it. */
const PROVIDERS: Readonly<Record<string, string>> = { none: 'none', kms: 'kms', local: 'local-sgx', tpm: 'tpm' };

const DOMAIN = Buffer.from('dstack-mr-config-v3:\0', 'latin1');
const VERSION = 3;
const MAX_CHARACTERS = 65_536;
const MAX_INIT_SCRIPTS = 5;
const MAX_PROVIDER_ID_BYTES = 4096;
const KEYS: ReadonlySet<string> = new Set(['app_id', 'compose_hash', 'gpu_policy_hash', 'init_script_hashes', 'instance_id', 'key_provider', 'key_provider_id', 'version']);

/** The document HOST_DATA commits to (spec/attestation.md section 5.5); byte fields are empty where it leaves them out. */
export interface MrConfig {
  /** 20 bytes. */
  readonly appId: Uint8Array;
  /** 32 bytes. */
  readonly composeHash: Uint8Array;
  /** 20 bytes. */
  readonly instanceId: Uint8Array;
  /** 32 bytes each; null when the document does not bind them. */
  readonly initScriptHashes: readonly Uint8Array[] | null;
  /** Name as in the `key-provider` event. */
  readonly keyProvider: string;
  readonly keyProviderId: Uint8Array;
}

/** The 32 bytes HOST_DATA has for this exact text: another spelling of the same values is another document. */
export function mrConfigHostData(document: string): Uint8Array {
  return sha256(DOMAIN, document);
}

/**
 * Reads the document: a JSON object of known keys, each once, at most 65536 characters.
 * @throws VerificationError MR_CONFIG_MALFORMED naming the key
 */
export function parseMrConfig(document: string): MrConfig {
  const fields = parseObject(document);
  const version = fields['version'] ?? VERSION;
  if (version !== VERSION) throw malformed(`version is not ${VERSION}`);
  const provider = fields['key_provider'];
  const keyProvider = typeof provider === 'string' && Object.hasOwn(PROVIDERS, provider) ? PROVIDERS[provider] : undefined;
  if (keyProvider === undefined) throw malformed('key_provider is none of none, kms, local, tpm');
  optionalHex(fields, 'gpu_policy_hash', 32);
  const composeHash = optionalHex(fields, 'compose_hash', 32);
  if (composeHash.length === 0) throw malformed('compose_hash is missing');
  return {
    appId: optionalHex(fields, 'app_id', 20),
    composeHash,
    instanceId: optionalHex(fields, 'instance_id', 20),
    initScriptHashes: initScriptHashes(fields['init_script_hashes']),
    keyProvider,
    keyProviderId: optionalHex(fields, 'key_provider_id', null),
  };
}

/** The `key-provider` payload other platforms measure: compact JSON of name and id (spec/attestation.md section 5). */
export function keyProviderInfoOf({ keyProvider, keyProviderId }: MrConfig): Uint8Array {
  return Uint8Array.from(Buffer.from(JSON.stringify({ name: keyProvider, id: Buffer.from(keyProviderId).toString('hex') }), 'utf8'));
}

type Fields = Readonly<Record<string, unknown>>;

function parseObject(document: string): Fields {
  if (document.length > MAX_CHARACTERS) throw malformed(`${document.length} characters, at most ${MAX_CHARACTERS}`);
  let value: unknown;
  try {
    value = JSON.parse(document);
  } catch (cause) {
    throw malformed('not JSON', cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('not a JSON object');
  const keys = keysOf(document);
  if (new Set(keys).size !== keys.length) throw malformed('a key appears twice');
  if (!keys.every((key) => KEYS.has(key))) throw malformed('a key is unknown');
  return value as Fields;
}

/** Every key in the text, at any depth. JSON.parse keeps the last of two equal ones, other parsers the first. */
function keysOf(json: string): string[] {
  return [...json.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?/g)].flatMap(([, text = '""', colon]) => (colon === undefined ? [] : [String(JSON.parse(text))]));
}

/** @param length bytes a value has unless it is left out or ""; null for up to 4096 */
function optionalHex(fields: Fields, key: string, length: number | null): Uint8Array {
  const text = Object.hasOwn(fields, key) ? fields[key] : '';
  const bytes = hexBytes(text, key);
  if (bytes.length > 0 && (length === null ? bytes.length > MAX_PROVIDER_ID_BYTES : bytes.length !== length)) throw malformed(`${key} has ${bytes.length} bytes`);
  return bytes;
}

function initScriptHashes(value: unknown): readonly Uint8Array[] | null {
  if (value === undefined) return null;
  if (!Array.isArray(value) || value.length > MAX_INIT_SCRIPTS) throw malformed(`init_script_hashes is not a list of at most ${MAX_INIT_SCRIPTS}`);
  return value.map((entry: unknown) => {
    const bytes = hexBytes(entry, 'init_script_hashes');
    return bytes.length === 32 ? bytes : reject(`init_script_hashes has an entry of ${bytes.length} bytes`);
  });
}

function hexBytes(value: unknown, key: string): Uint8Array {
  if (typeof value !== 'string' || value.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(value)) return reject(`${key} is not hex`);
  return Uint8Array.from(Buffer.from(value, 'hex'));
}

function reject(detail: string): never {
  throw malformed(detail);
}

function malformed(detail: string, cause?: unknown): VerificationError {
  return new VerificationError('MR_CONFIG_MALFORMED', `malformed mr_config: ${detail}`, { cause });
}
