import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import type { AppraisalPolicy } from '../attestation/appraisal/policy.js';
import type { QuoteLimits } from '../attestation/issue/quote-admission.js';
import { appraisalPolicyOf, appraisalTable } from './appraisal-config.js';
import { certificateHosts } from './certificate-hosts.js';
import { type CollateralCacheConfig, collateralCacheOf, collateralKeys } from './collateral-config.js';
import { evidenceQueueTable, quoteLimitsOf } from './evidence-queue-config.js';
import { loadConfigFile, parseConfig } from './load-file.js';
import { mergeDocuments } from './merge.js';
import { amdKdsUrl, rootCaTable, type RootFiles, rootFilesOf } from './root-ca-config.js';

/** How releases are decided. */
export type AuthApiConfig =
  | { readonly type: 'webhook'; readonly url: string }
  | { readonly type: 'dev'; readonly gatewayAppId: string }
  | { readonly type: 'file'; readonly path: string };

/** Where the evidence of the KMS itself comes from. */
export type KmsEvidenceConfig =
  /** A guest agent, as the existing KMS does; null address: the usual sockets. */
  | { readonly source: 'agent'; readonly address: string | null }
  /** The device of this machine; an enclave is told its application id, 40 hex digits or "" for none. */
  | { readonly source: 'device'; readonly appId: string }
  /** The development platform, from a file of 64 hex digits; `appId` as above, "" for a fixed one. */
  | { readonly source: 'development'; readonly seedFile: string; readonly appId: string };

export interface TrustConfig {
  readonly insecureAllowExternalTrustAnchors: boolean;
  readonly pccsUrls: readonly string[];
  /** Recorded collateral instead of the network; null for the network. */
  readonly collateralFile: string | null;
  readonly collateralCache: CollateralCacheConfig;
  /** Certificate files that replace vendor roots; null keeps the vendor's. */
  readonly rootCa: RootFiles;
  readonly amdKdsUrl: string;
  /** Hosts that URLs inside certificates are fetched from: names, or `*.` and a suffix. */
  readonly certificateHosts: readonly string[];
}

/** Everything the KMS is configured with; durations in the unit their name ends in. */
export interface KmsConfig {
  readonly rpc: { readonly address: string; readonly port: number };
  readonly onboard: { readonly enabled: boolean; readonly autoBootstrapDomain: string; readonly address: string; readonly port: number };
  readonly certDir: string;
  readonly siteName: string;
  readonly enforceSelfAuthorization: boolean;
  readonly attestRpcCert: boolean;
  readonly image: { readonly verify: boolean; readonly knownMeasurements: string | null; readonly gcpFirmware: readonly string[] };
  /** Whether SEV-SNP callers are given keys at all. */
  readonly sevSnpKeyRelease: boolean;
  readonly metricsEnabled: boolean;
  readonly authApi: AuthApiConfig;
  readonly attestation: TrustConfig;
  readonly appraisal: AppraisalPolicy;
  readonly evidence: KmsEvidenceConfig;
  /** The queue before that evidence. */
  readonly evidenceQueue: QuoteLimits;
  readonly callerEvidenceMaxAgeSeconds: number;
  /** Release keys only to callers that proved themselves on the very connection. */
  readonly requireSessionBinding: boolean;
}

const text = z.string();
const path = z.string().min(1);
const port = z.number().int().min(0).max(65535);
/** Keys of the existing KMS without meaning here; accepted so that its files load unchanged. */
const ignored = z.unknown().optional();
const http = z.url({ protocol: /^https?$/ });
const pcr = z
  .string()
  .regex(/^(0x)?[0-9a-f]{64}$/i, 'must be 32 bytes of hex')
  .transform((value) => value.toLowerCase().replace(/^0x/, ''));
/** PCR 0 of Google's OVMF version 2 (spec/attestation.md section 2.5). */
const GCP_FIRMWARE_PCR0 = '0cca9ec161b09288802e5a112255d21340ed5b797f5fe29cecccfd8f67b9f802';

/** The files are those in `core.cert_dir`; naming others would be ignored, so it is refused. */
const rpcTls = z.strictObject({
  key: path.optional(),
  certs: path.optional(),
  mutual: z.strictObject({ ca_certs: path.optional(), mandatory: z.boolean().default(false) }).prefault({}),
});

const attestation = z.strictObject({
  insecure_allow_external_trust_anchors: z.boolean().default(false),
  urls: z.strictObject({ pccs: z.union([text, z.array(http).min(1).max(8)]).default(''), amd_kds: amdKdsUrl }).prefault({}),
  root_ca: rootCaTable.prefault({}),
  certificate_hosts: certificateHosts,
  ...collateralKeys,
});

const evidence = z.strictObject({
  source: z.enum(['agent', 'device', 'development']).default('agent'),
  agent_address: text.default(''),
  seed_file: text.default(''),
  app_id: z.string().regex(/^([0-9a-f]{40})?$/i, 'must be 20 bytes of hex').default(''),
});

const core = z.strictObject({
  cert_dir: path.default('/etc/kms/certs'),
  subject_postfix: ignored,
  site_name: text.default(''),
  enforce_self_authorization: z.boolean().default(true),
  attest_rpc_cert: z.boolean().default(true),
  sev_snp_key_release: z.boolean().default(false),
  aws_nitro_tpm_key_release: z.boolean().default(false),
  attestation: attestation.prefault({}),
  appraisal: appraisalTable.prefault({}),
  image: z
    .strictObject({ verify: z.boolean().default(true), known_measurements: path.nullable().default(null), gcp_pcr0: z.array(pcr).min(1).max(64).default([GCP_FIRMWARE_PCR0]), cache_dir: ignored, download_url: ignored, download_timeout: ignored })
    .prefault({}),
  metrics: z.strictObject({ enabled: z.boolean().default(true) }).prefault({}),
  admin: z
    .strictObject({ enabled: z.boolean().default(false), address: ignored, port: ignored, auth_token: ignored, htpasswd_file: ignored, insecure_no_auth: ignored })
    .prefault({}),
  auth_api: z
    .strictObject({
      type: z.enum(['webhook', 'dev', 'file']).default('webhook'),
      webhook: z.strictObject({ url: http.default('http://auth-api:8000') }).prefault({}),
      dev: z.strictObject({ gateway_app_id: text.default('any') }).prefault({}),
      file: z.strictObject({ path: text.default('') }).prefault({}),
    })
    .prefault({}),
  onboard: z
    .strictObject({ enabled: z.boolean().default(true), auto_bootstrap_domain: text.default(''), address: path.default('0.0.0.0'), port: port.default(8000), quote_enabled: ignored })
    .prefault({}),
  evidence: evidence.prefault({}),
  evidence_queue: evidenceQueueTable.prefault({}),
  require_session_binding: z.boolean().default(false),
  caller_evidence_max_age: z.number().int().min(1).max(86_400).default(600),
  // Names of the previous generation.
  pccs_url: ignored,
  admin_token_hash: ignored,
});

const schema = z.strictObject({
  // The existing KMS never applied this table either (spec/kms.md section 2).
  default: ignored,
  limits: ignored,
  rpc: z
    .strictObject({ address: path.default('0.0.0.0'), port: port.default(8000), tls: rpcTls.prefault({}), workers: ignored, keep_alive: ignored, limits: ignored })
    .prefault({}),
  core: core.prefault({}),
});

type Raw = z.infer<typeof schema>;

/** Contradictions and requests this release cannot honour safely; each a start-up error. */
function problemsOf({ rpc, core: raw }: Raw): string[] {
  const problems: string[] = [];
  const external = Object.values(raw.attestation.root_ca).some((file) => file !== null);
  if (external && !raw.attestation.insecure_allow_external_trust_anchors) {
    problems.push('core.attestation.root_ca: needs core.attestation.insecure_allow_external_trust_anchors = true');
  }
  if (raw.admin.enabled) problems.push('core.admin.enabled: the admin listener is not part of this release');
  if (raw.aws_nitro_tpm_key_release) problems.push('core.aws_nitro_tpm_key_release: NitroTPM evidence is not verified by this release');
  if (rpc.tls.mutual.mandatory) problems.push('rpc.tls.mutual.mandatory: anonymous calls are needed to obtain a client certificate');
  if (raw.auth_api.type === 'file' && raw.auth_api.file.path === '') problems.push('core.auth_api.file.path: needed by core.auth_api.type = "file"');
  if (raw.evidence.source === 'development' && raw.evidence.seed_file === '') problems.push('core.evidence.seed_file: needed by core.evidence.source = "development"');
  return [...problems, ...tlsFileProblems(rpc.tls, raw.cert_dir)];
}

function tlsFileProblems({ key, certs, mutual }: Raw['rpc']['tls'], certDir: string): string[] {
  const files = [
    ['rpc.tls.key', key, 'rpc.key'],
    ['rpc.tls.certs', certs, 'rpc.crt'],
    ['rpc.tls.mutual.ca_certs', mutual.ca_certs, 'tmp-ca.crt'],
  ] as const;
  return files.flatMap(([name, given, file]) => {
    const expected = resolve(certDir, file);
    return given === undefined || resolve(given) === expected ? [] : [`${name}: must be ${expected}, the file in core.cert_dir`];
  });
}

const checkedSchema = schema.superRefine((value, context) => {
  for (const message of problemsOf(value)) context.addIssue({ code: 'custom', message });
});

/** Read in this order before the file of `--config`; later files win key by key (spec/kms.md section 2). */
export const DEFAULT_KMS_CONFIG_FILES = ['/etc/kms/kms.toml', '/etc/kms/kms.json', 'kms.toml', 'kms.json'] as const;

/**
 * Reads the default files that exist, then `file`, and checks the merged result.
 * @param environment `DSTACK_AGENT_ADDRESS` replaces the guest agent's address
 * @throws ConfigError CONFIG_UNREADABLE, CONFIG_MALFORMED, or CONFIG_INVALID naming every offending key
 */
export function loadKmsConfig(
  file: string | null,
  environment: Readonly<Record<string, string | undefined>>,
  defaults: readonly string[] = DEFAULT_KMS_CONFIG_FILES,
): KmsConfig {
  const files = [...defaults.filter((candidate) => existsSync(candidate)), ...(file === null ? [] : [file])];
  const document = files.map(loadConfigFile).reduce(mergeDocuments, {});
  return parseKmsConfig(document, file ?? files.at(-1) ?? 'built-in configuration', environment);
}

/** Checks a configuration value that was read from `source`. @throws ConfigError CONFIG_INVALID naming every offending key */
export function parseKmsConfig(value: unknown, source: string, environment: Readonly<Record<string, string | undefined>> = {}): KmsConfig {
  const { rpc, core: raw } = parseConfig(checkedSchema, value, source);
  return {
    rpc: { address: rpc.address, port: rpc.port },
    onboard: { enabled: raw.onboard.enabled, autoBootstrapDomain: raw.onboard.auto_bootstrap_domain, address: raw.onboard.address, port: raw.onboard.port },
    certDir: raw.cert_dir,
    siteName: raw.site_name,
    enforceSelfAuthorization: raw.enforce_self_authorization,
    attestRpcCert: raw.attest_rpc_cert,
    image: { verify: raw.image.verify, knownMeasurements: raw.image.known_measurements, gcpFirmware: raw.image.gcp_pcr0 },
    sevSnpKeyRelease: raw.sev_snp_key_release,
    metricsEnabled: raw.metrics.enabled,
    authApi: authApiOf(raw),
    attestation: trustOf(raw),
    appraisal: appraisalPolicyOf(raw.appraisal),
    evidence: evidenceOf(raw, environment['DSTACK_AGENT_ADDRESS'] ?? ''),
    evidenceQueue: quoteLimitsOf(raw.evidence_queue),
    callerEvidenceMaxAgeSeconds: raw.caller_evidence_max_age,
    requireSessionBinding: raw.require_session_binding,
  };
}

function authApiOf({ auth_api: api }: Raw['core']): AuthApiConfig {
  switch (api.type) {
    case 'webhook':
      return { type: 'webhook', url: api.webhook.url };
    case 'dev':
      return { type: 'dev', gatewayAppId: api.dev.gateway_app_id };
    case 'file':
      return { type: 'file', path: api.file.path };
  }
}

function trustOf({ attestation: raw }: Raw['core']): TrustConfig {
  const { pccs } = raw.urls;
  return {
    insecureAllowExternalTrustAnchors: raw.insecure_allow_external_trust_anchors,
    pccsUrls: typeof pccs === 'string' ? [pccs.trim()].filter((url) => url !== '') : pccs,
    collateralFile: raw.collateral_file,
    collateralCache: collateralCacheOf(raw),
    rootCa: rootFilesOf(raw.root_ca),
    amdKdsUrl: raw.urls.amd_kds,
    certificateHosts: raw.certificate_hosts,
  };
}

function evidenceOf({ evidence: raw }: Raw['core'], agentAddress: string): KmsEvidenceConfig {
  switch (raw.source) {
    case 'agent': {
      const address = agentAddress !== '' ? agentAddress : raw.agent_address;
      return { source: 'agent', address: address === '' ? null : address };
    }
    case 'device':
      return { source: 'device', appId: raw.app_id.toLowerCase() };
    case 'development':
      return { source: 'development', seedFile: raw.seed_file, appId: raw.app_id.toLowerCase() };
  }
}
