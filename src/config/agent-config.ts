import { existsSync } from 'node:fs';
import { z } from 'zod';
import type { QuoteLimits } from '../attestation/issue/quote-admission.js';
import { certificateHosts } from './certificate-hosts.js';
import { type CollateralCacheConfig, collateralCacheOf, collateralKeys } from './collateral-config.js';
import { evidenceQueueTable, quoteLimitsOf } from './evidence-queue-config.js';
import { type Listener, listenerSchema, type ListenAddress, parseListenAddress } from './listen-address.js';
import { loadConfigFile, parseConfig } from './load-file.js';
import { mergeDocuments } from './merge.js';
import { amdKdsUrl, rootCaTable, type RootFiles, rootFilesOf } from './root-ca-config.js';

/** How the instance gets its keys. `file` reads `keys_file`; `kms` asks the KMS; `auto` is `file` when that exists, else `kms` when there are KMS URLs. */
export type ProvisioningSource = 'auto' | 'file' | 'kms';

/** Where evidence comes from. `auto` looks for a device; the others insist. */
export type PlatformChoice = 'auto' | 'tdx' | 'gcp-tdx' | 'sev-snp' | 'nitro' | 'development' | 'fixture';

export interface ExternalListener extends Listener {
  /** `ra-tls`: HTTPS with a certificate of the application CA that embeds the attestation. */
  readonly tls: 'off' | 'ra-tls';
  /** Names in that certificate. */
  readonly tlsAltNames: readonly string[];
}

/** Everything the Guest Agent is configured with; paths are as written. */
export interface AgentConfig {
  /** `Server` header. */
  readonly ident: string;
  readonly logLevel: string;
  /** Seconds an idle connection is kept. */
  readonly keepAlive: number;
  readonly core: AgentCore;
  /** null: the listener is switched off with `enabled = false`. */
  readonly internal: Listener | null;
  readonly internalV0: Listener | null;
  readonly external: ExternalListener | null;
}

export interface AgentCore {
  readonly keysFile: string;
  readonly composeFile: string;
  readonly sysConfigFile: string;
  readonly dataDisks: readonly string[];
  readonly platform: PlatformChoice;
  readonly simulator: {
    /** Versioned attestation served by the fixture platform; null without one. */
    readonly attestationFile: string | null;
    readonly patchReportData: boolean;
    /** 32 bytes of hex for the development platform, or null. */
    readonly mockAttestationSeed: string | null;
    /** Which machine the development platform imitates. */
    readonly machine: 'tdx' | 'gcp-tdx' | 'nitro-enclave' | 'sev-snp';
    /** Milliseconds evidence of the development platform takes. */
    readonly quoteDelayMs: number;
  };
  readonly provisioning: {
    readonly source: ProvisioningSource;
    /** Replaces `kms_urls` of the system configuration when not empty. */
    readonly kmsUrls: readonly string[];
    /** Root CA SPKI the KMS must have, hex; "" for the pin of the compose file, or none. */
    readonly keyProviderId: string;
    /** Application id told to the KMS where nothing measured says it (Nitro Enclaves), hex; "" for none. */
    readonly appId: string;
    /** Keep the keys in memory only (default), or write them to `keys_file`. */
    readonly writeKeysFile: boolean;
    /** Accept a KMS whose certificate carries no attestation. */
    readonly insecureAllowUnattestedKms: boolean;
    /** Bind every connection to the KMS to evidence of both ends. */
    readonly bindSession: boolean;
  };
  /** Trust anchors for the KMS's evidence; vendor roots when null. */
  readonly insecureAllowExternalTrustAnchors: boolean;
  readonly rootCa: RootFiles;
  /** Hosts that URLs inside certificates are fetched from: names, or `*.` and a suffix. */
  readonly certificateHosts: readonly string[];
  /** PCCS base URLs, first to last; empty for the default. */
  readonly pccsUrls: readonly string[];
  readonly amdKdsUrl: string;
  /** Recorded collateral instead of the network; null for the network. */
  readonly collateralFile: string | null;
  readonly collateralCache: CollateralCacheConfig;
  /** The queue before the evidence device. */
  readonly evidenceQueue: QuoteLimits;
  /** TCB statuses and advisories the KMS's platform may have. */
  readonly acceptedTcbStatuses: readonly string[];
  readonly acceptedAdvisoryIds: readonly string[];
}

const hex = (bytes: number): z.ZodString => z.string().regex(new RegExp(`^([0-9a-f]{${bytes * 2}})?$`, 'i'), `must be ${bytes} bytes of hex`);
const anyHex = z.string().regex(/^([0-9a-f]{2})*$/i, 'must be hex of even length');
const path = z.string().min(1);
const pccs = z.url({ protocol: /^https?$/ });

const coreSchema = z.strictObject({
  keys_file: path.default('/dstack/.host-shared/.appkeys.json'),
  compose_file: path.default('/dstack/.host-shared/app-compose.json'),
  sys_config_file: path.default('/dstack/.host-shared/.sys-config.json'),
  data_disks: z.array(path).default(['/']),
  platform: z.enum(['auto', 'tdx', 'gcp-tdx', 'sev-snp', 'nitro', 'development', 'fixture']).default('auto'),
  simulator: z
    .strictObject({ attestation_file: path.nullable().default(null), patch_report_data: z.boolean().default(true), mock_attestation_seed: hex(32).nullable().default(null), machine: z.enum(['tdx', 'gcp-tdx', 'nitro-enclave', 'sev-snp']).default('tdx'), quote_delay_ms: z.number().int().min(0).max(60_000).default(0) })
    .prefault({}),
  provisioning: z
    .strictObject({
      source: z.enum(['auto', 'file', 'kms']).default('auto'),
      kms_urls: z.array(z.url({ protocol: /^https$/ })).max(16).default([]),
      key_provider_id: anyHex.default(''),
      app_id: hex(20).default(''),
      write_keys_file: z.boolean().default(false),
      insecure_allow_unattested_kms: z.boolean().default(false),
      bind_session: z.boolean().default(false),
    })
    .prefault({}),
  insecure_allow_external_trust_anchors: z.boolean().default(false),
  root_ca: rootCaTable.prefault({}),
  certificate_hosts: certificateHosts,
  amd_kds_url: amdKdsUrl,
  pccs_url: z.union([z.array(pccs).max(8), pccs.transform((url) => [url])]).default([]),
  ...collateralKeys,
  evidence_queue: evidenceQueueTable.prefault({}),
  accepted_tcb_statuses: z.array(z.string().min(1)).max(16).default(['UpToDate']),
  accepted_advisory_ids: z.array(z.string().min(1)).max(256).default([]),
});

/** Keys of the existing agent that mean nothing here are accepted, so that its configuration files load unchanged. */
const ignored = z.unknown().optional();
const WITHOUT_EFFECT = { workers: ignored, max_blocking: ignored, temp_dir: ignored, limits: ignored };

const schema = z.strictObject({
  default: z
    .strictObject({
      ident: z.string().regex(/^[\x20-\x7e]*$/).default('dstack guest agent'),
      log_level: z.string().default('info'),
      keep_alive: z.number().min(0).max(3600).default(10),
      core: coreSchema.prefault({}),
      ...WITHOUT_EFFECT,
    })
    .prefault({}),
  internal: listenerSchema({}).prefault({}),
  'internal-v0': listenerSchema({}).prefault({}),
  external: listenerSchema({ tls: z.enum(['off', 'ra-tls']).default('off'), tls_alt_names: z.array(z.string().min(1)).max(64).default([]) }).prefault({}),
  // The host's interface is not served by this release; its table is accepted so that shared files load.
  'guest-api': ignored,
});

const CORE_CHECKS = (core: z.infer<typeof coreSchema>): string | null => {
  const external = Object.values(core.root_ca).some((file) => file !== null);
  if (external && !core.insecure_allow_external_trust_anchors) return 'default.core.root_ca: needs default.core.insecure_allow_external_trust_anchors = true';
  if (core.platform === 'fixture' && core.simulator.attestation_file === null) return 'default.core.simulator.attestation_file: needed by platform = "fixture"';
  if (core.platform === 'development' && (core.simulator.mock_attestation_seed ?? '') === '') return 'default.core.simulator.mock_attestation_seed: needed by platform = "development"';
  return null;
};

const checkedSchema = schema.superRefine((value, context) => {
  const problem = CORE_CHECKS(value.default.core);
  if (problem !== null) context.addIssue({ code: 'custom', message: problem });
});

/** Where the agent looks before the file named on the command line, first to last; later files win key by key. */
export const DEFAULT_CONFIG_FILES = ['/etc/dstack/dstack.toml', '/etc/dstack/dstack.json', 'dstack.toml', 'dstack.json'] as const;

/**
 * Reads the default files that exist, then `file`, and checks the merged result (spec/guest-agent.md section 2).
 * @param file the `-c` argument; null for none
 * @throws ConfigError CONFIG_UNREADABLE, CONFIG_MALFORMED, or CONFIG_INVALID naming every offending key
 */
export function loadAgentConfig(file: string | null, defaults: readonly string[] = DEFAULT_CONFIG_FILES): AgentConfig {
  const files = [...defaults.filter((candidate) => existsSync(candidate)), ...(file === null ? [] : [file])];
  return parseAgentConfig(files.map(loadConfigFile).reduce(mergeDocuments, {}), file ?? files.at(-1) ?? 'built-in configuration');
}

/**
 * Checks a configuration value that was read from `source`.
 * @throws ConfigError CONFIG_INVALID naming every offending key
 */
export function parseAgentConfig(value: unknown, source: string): AgentConfig {
  const parsed = parseConfig(checkedSchema, value, source);
  const { external } = parsed;
  return {
    ident: parsed.default.ident,
    logLevel: parsed.default.log_level,
    keepAlive: parsed.default.keep_alive,
    core: coreOf(parsed.default.core),
    internal: listenerOf(parsed.internal, 'unix:/var/run/dstack/dstack.sock'),
    internalV0: listenerOf(parsed['internal-v0'], 'unix:/var/run/dstack/tappd.sock'),
    external: withTls(listenerOf(external, '0.0.0.0', 8090), external.tls, external.tls_alt_names),
  };
}

function coreOf(core: z.infer<typeof coreSchema>): AgentCore {
  const { simulator, provisioning } = core;
  const seed = simulator.mock_attestation_seed;
  return {
    keysFile: core.keys_file,
    composeFile: core.compose_file,
    sysConfigFile: core.sys_config_file,
    dataDisks: core.data_disks,
    platform: core.platform,
    simulator: { attestationFile: simulator.attestation_file, patchReportData: simulator.patch_report_data, mockAttestationSeed: seed === '' ? null : seed, machine: simulator.machine, quoteDelayMs: simulator.quote_delay_ms },
    provisioning: {
      source: provisioning.source,
      kmsUrls: provisioning.kms_urls,
      keyProviderId: provisioning.key_provider_id.toLowerCase(),
      appId: provisioning.app_id.toLowerCase(),
      writeKeysFile: provisioning.write_keys_file,
      insecureAllowUnattestedKms: provisioning.insecure_allow_unattested_kms,
      bindSession: provisioning.bind_session,
    },
    insecureAllowExternalTrustAnchors: core.insecure_allow_external_trust_anchors,
    rootCa: rootFilesOf(core.root_ca),
    certificateHosts: core.certificate_hosts,
    pccsUrls: core.pccs_url,
    amdKdsUrl: core.amd_kds_url,
    collateralFile: core.collateral_file,
    collateralCache: collateralCacheOf(core),
    evidenceQueue: quoteLimitsOf(core.evidence_queue),
    acceptedTcbStatuses: core.accepted_tcb_statuses,
    acceptedAdvisoryIds: core.accepted_advisory_ids,
  };
}

interface RawListener {
  readonly enabled: boolean;
  readonly address?: ListenAddress | undefined;
  readonly port?: number | undefined;
  readonly mode: number;
}

function listenerOf(raw: RawListener, address: string, port: number | null = null): Listener | null {
  if (!raw.enabled) return null;
  return { address: raw.address ?? parseListenAddress(address), port: raw.port ?? port, mode: raw.mode };
}

function withTls(listener: Listener | null, tls: 'off' | 'ra-tls', tlsAltNames: readonly string[]): ExternalListener | null {
  return listener === null ? null : { ...listener, tls, tlsAltNames };
}
