import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { STRICT_POLICY } from '../attestation/appraisal/policy.js';
import type { AttestationVerifier } from '../attestation/evidence/attestation-verifier.js';
import type { EvidenceSource } from '../attestation/evidence/evidence-source.js';
import type { AgentConfig } from '../config/agent-config.js';
import { readBounded } from '../config/load-file.js';
import { messageChain } from '../errors/base.js';
import { ConfigError } from '../errors/config-error.js';
import type { AppCompose } from '../guest-agent/app-compose.js';
import { type AppKeys, formatAppKeys, keyProviderId, parseAppKeys } from '../guest-agent/app-keys.js';
import type { CertSigner } from '../guest-agent/cert-signer.js';
import { createLocalCertSigner } from '../guest-agent/local-cert-signer.js';
import { type Provisioned, provisionFromKms } from '../guest-agent/provision.js';
import type { SysConfig } from '../guest-agent/sys-config.js';
import { DurableFiles } from '../outbound/durable-files.js';
import { createKmsCertSigner } from '../outbound/kms-cert-signer.js';
import { createKmsClient, type KmsClient } from '../outbound/kms-client.js';
import type { Log } from './log.js';

const MAX_KEYS_BYTES = 1024 * 1024;

export interface KeyInputs {
  readonly config: AgentConfig;
  readonly compose: AppCompose;
  readonly sys: SysConfig;
  readonly evidence: EvidenceSource;
  readonly verifier: AttestationVerifier;
  /** Unix seconds. */
  readonly clock: () => number;
  readonly random: (length: number) => Uint8Array;
  readonly log: Log;
}

/** Where the keys are to come from, settled: `auto` is a keys file that exists, else the KMS. */
export function keySource({ config, sys }: Pick<KeyInputs, 'config' | 'sys'>): 'file' | 'kms' {
  const { source, kmsUrls } = config.core.provisioning;
  if (source !== 'auto') return source;
  if (existsSync(config.core.keysFile)) return 'file';
  return kmsUrls.length + sys.kmsUrls.length > 0 ? 'kms' : 'file';
}

/**
 * The keys of this instance, checked against the pin.
 * @throws ConfigError, KmsClientError, EvidenceSourceError
 */
export async function obtainKeys(inputs: KeyInputs): Promise<Provisioned> {
  const { config } = inputs;
  const { keysFile, provisioning } = config.core;
  if (keySource(inputs) === 'file') {
    const keys = parseAppKeys(readBounded(keysFile, MAX_KEYS_BYTES).toString('utf8'));
    checkProvider(keys, pinOf(inputs));
    return { keys, osImageHash: null };
  }
  const provisioned = await provisionFromKms({
    kmsUrls: provisioning.kmsUrls.length > 0 ? provisioning.kmsUrls : inputs.sys.kmsUrls,
    connect: (url) => kmsClient(inputs, url, null, pinOf(inputs)),
    vmConfig: kmsVmConfig(inputs),
    onFailure: (url, error) => inputs.log.warn({ url, error: messageChain(error) }, 'a KMS gave no keys'),
  });
  if (provisioning.writeKeysFile) await writeKeys(keysFile, provisioned.keys);
  return provisioned;
}

/** Who signs the certificates of an instance with these keys (spec/guest-agent.md section 6.1). */
export function certSignerFor(keys: AppKeys, inputs: KeyInputs): CertSigner {
  const { keyProvider } = keys;
  if (keyProvider.kind !== 'kms') return createLocalCertSigner(keyProvider.key, keys.caCert, inputs.clock);
  const kms = kmsClient(inputs, keyProvider.url, keys.caCert, keyProviderId(keyProvider));
  return createKmsCertSigner(kms, kmsVmConfig(inputs));
}

/** What the KMS checks the measurements against. An enclave's evidence names its image itself (spec/guest-agent.md section 16). */
function kmsVmConfig({ evidence, sys }: Pick<KeyInputs, 'evidence' | 'sys'>): string {
  return evidence.variant === 'dstack-nitro-enclave' ? '' : sys.vmConfig;
}

function kmsClient({ config, evidence, verifier, clock, random }: KeyInputs, url: string, rootPem: string | null, rootSpki: Uint8Array | null): KmsClient {
  const { acceptedTcbStatuses, acceptedAdvisoryIds, provisioning } = config.core;
  return createKmsClient({
    url,
    evidence,
    verifier,
    appraisal: { ...STRICT_POLICY, acceptedTcbStatuses, acceptedAdvisoryIds },
    rootPem,
    rootSpki,
    insecureAllowUnattestedKms: provisioning.insecureAllowUnattestedKms,
    bindSession: provisioning.bindSession,
    clock,
    random,
  });
}

/** A keys file of another provider than the measured compose file names is one somebody put there. */
function checkProvider({ keyProvider }: AppKeys, pin: Uint8Array | null): void {
  if (pin === null || Buffer.from(keyProviderId(keyProvider)).equals(pin)) return;
  throw new ConfigError('CONFIG_INVALID', `Unexpected key provider id: ${Buffer.from(keyProviderId(keyProvider)).toString('hex')}, expected: ${Buffer.from(pin).toString('hex')}`);
}

/** Of the configuration, else of the compose file, which is measured. null: any root. */
function pinOf({ config, compose }: KeyInputs): Uint8Array | null {
  const { keyProviderId: configured } = config.core.provisioning;
  if (configured !== '') return Buffer.from(configured, 'hex');
  return compose.keyProviderId.length > 0 ? compose.keyProviderId : null;
}

/** Whole or not at all, readable by this user only. */
async function writeKeys(path: string, keys: AppKeys): Promise<void> {
  const files = new DurableFiles();
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await files.writeNew(temporary, formatAppKeys(keys), 0o600);
    await files.rename(temporary, path, [dirname(path)]);
  } catch (cause) {
    throw new ConfigError('CONFIG_UNREADABLE', `cannot write ${path}`, { cause });
  }
}
