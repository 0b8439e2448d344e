import type { RuntimeEvent } from '../attestation/evidence/attestation.js';
import { ConfigError } from '../errors/config-error.js';
import { parseCertificate } from '../x509/certificate.js';
import { parsePemChain } from '../x509/pem.js';
import { type AppKeys, keyProviderId, type KeyProvider } from './app-keys.js';
import type { MeasuredLog } from './measured-log.js';

/** Port: one KMS, reached over RA-TLS and verified. */
export interface KmsKeySource {
  getTempCaCert(): Promise<{ readonly tempCaCert: string; readonly tempCaKey: string }>;
  /** Everything an instance needs at boot (spec/kms.md section 13.1). */
  getAppKey(vmConfig: string): Promise<KmsAppKeys>;
}

/** What a KMS gives an instance at boot; lengths as in AppKeys. */
export interface KmsAppKeys {
  /** Root CA, PEM. */
  readonly caCert: string;
  readonly diskCryptKey: Uint8Array;
  readonly envCryptKey: Uint8Array;
  readonly k256Key: Uint8Array;
  readonly k256Signature: Uint8Array;
  readonly gatewayAppId: string;
  readonly osImageHash: Uint8Array;
}

export interface Provisioned {
  readonly keys: AppKeys;
  /** As the KMS verified it; null when the keys came from no KMS. */
  readonly osImageHash: Uint8Array | null;
}

export interface ProvisionOptions {
  /** Without `/prpc`, tried in order; the first that works wins. */
  readonly kmsUrls: readonly string[];
  readonly connect: (url: string) => KmsKeySource;
  readonly vmConfig: string;
  /** Told of every KMS that did not deliver, before the next is tried. */
  readonly onFailure: (url: string, error: unknown) => void;
}

/**
 * Keys from the first KMS that gives them (spec/guest-agent.md section 13.1).
 * @throws ConfigError CONFIG_INVALID without URLs; the first URL's error when none delivers
 */
export async function provisionFromKms({ kmsUrls, connect, vmConfig, onFailure }: ProvisionOptions): Promise<Provisioned> {
  if (kmsUrls.length === 0) throw new ConfigError('CONFIG_INVALID', 'No KMS URLs are set');
  const failures: unknown[] = [];
  for (const url of kmsUrls) {
    try {
      return await keysFrom(url, connect(url), vmConfig);
    } catch (error) {
      failures.push(error);
      onFailure(url, error);
    }
  }
  throw failures[0];
}

async function keysFrom(url: string, kms: KmsKeySource, vmConfig: string): Promise<Provisioned> {
  const { osImageHash, ...given } = await kms.getAppKey(vmConfig);
  const { tempCaCert, tempCaKey } = await kms.getTempCaCert();
  const [root] = parsePemChain(given.caCert, 1);
  const provider: KeyProvider = {
    kind: 'kms',
    url: `${url.replace(/(\/prpc)?\/*$/, '')}/prpc`,
    pubkey: Uint8Array.from(parseCertificate(root ?? new Uint8Array()).spki),
    tmpCaKey: tempCaKey,
    tmpCaCert: tempCaCert,
  };
  return { keys: { ...given, keyProvider: provider }, osImageHash };
}

/** Names of the providers as they are measured. */
const MEASURED_NAME: Readonly<Record<KeyProvider['kind'], string>> = { none: 'none', local: 'local-sgx', tpm: 'tpm', kms: 'kms' };

/**
 * The events that say where the keys came from, in the order of the boot flow (spec/guest-agent.md section 13,
 * steps 6 and 7). Those this boot has measured already are not measured again: an agent that is started anew
 * must find the registers as it left them, and may not use keys of another provider than the one on record.
 * @param soFar run-time events of this boot
 * @throws ConfigError CONFIG_INVALID when another provider was measured
 */
export async function measureProvisioning({ keys, osImageHash }: Provisioned, log: MeasuredLog, soFar: readonly RuntimeEvent[]): Promise<void> {
  const { keyProvider } = keys;
  const id = Buffer.from(keyProviderId(keyProvider)).toString('hex');
  const provider = Buffer.from(JSON.stringify({ name: MEASURED_NAME[keyProvider.kind], id }));
  const measured = soFar.find(({ event }) => event === 'key-provider');
  if (measured !== undefined && !provider.equals(measured.payload)) {
    throw new ConfigError('CONFIG_INVALID', 'the keys are of another provider than the one this boot measured');
  }
  const once = async (event: string, payload: Uint8Array): Promise<void> => {
    if (!soFar.some((earlier) => earlier.event === event)) await log.emitBoot(event, payload);
  };
  if (osImageHash !== null) await once('os-image-hash', osImageHash);
  await once('key-provider', provider);
  await once('system-ready', new Uint8Array());
}
