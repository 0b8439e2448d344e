import { randomBytes } from 'node:crypto';
import type { CollateralGetter } from '../attestation/collateral.js';
import { QuoteMetrics } from '../attestation/issue/quote-metrics.js';
import { QuoteService } from '../attestation/issue/quote-service.js';
import type { TrustRoots } from '../attestation/trust-roots.js';
import type { KmsConfig } from '../config/kms-config.js';
import type { AdmissionRules } from '../kms/admit.js';
import type { KeyStore } from '../kms/key-store.js';
import type { OwnEvidence } from '../kms/own-evidence.js';
import { createDiskKeyStore } from '../outbound/disk-key-store.js';
import { buildVersion, type BuildVersion } from './build-version.js';
import { createEvidenceSources, type EvidenceSources, givenSources } from './evidence-sources.js';
import { chooseKmsEvidence, queuedOwnEvidence } from './kms-evidence.js';
import { createKmsPolicy, imageRules, type KmsPolicy } from './kms-policy.js';
import { type Log, SILENT } from './log.js';
import { createThreadedVerifier, type ThreadedVerifier } from './verification/threaded-verifier.js';
import { trustRoots } from './trust.js';

/** What tests and other compositions may put in place of the real thing. */
export interface KmsOverrides {
  readonly log?: Log;
  /** `process.env` of the process; device locations are read from it. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly build?: BuildVersion;
  /** Unix seconds. */
  readonly clock?: () => number;
  readonly random?: (length: number) => Uint8Array;
  readonly keyStore?: KeyStore;
  readonly evidence?: OwnEvidence;
  readonly roots?: TrustRoots;
  readonly collateral?: CollateralGetter;
  readonly policy?: KmsPolicy;
}

/** What both lives of the KMS are made of. */
export interface KmsServices {
  readonly config: KmsConfig;
  readonly log: Log;
  readonly build: BuildVersion;
  readonly clock: () => number;
  readonly random: (length: number) => Uint8Array;
  readonly store: KeyStore;
  readonly evidence: OwnEvidence;
  /** What the verifier looks things up in; whoever starts the process starts and closes it. */
  readonly sources: EvidenceSources;
  readonly quoteMetrics: QuoteMetrics;
  readonly verifier: ThreadedVerifier;
  readonly policy: KmsPolicy;
  readonly rules: AdmissionRules;
}

/** @throws ConfigError, CollateralError, EvidenceSourceError for what the configuration names and cannot be had */
export async function createKmsServices(config: KmsConfig, overrides: KmsOverrides): Promise<KmsServices> {
  const log = overrides.log ?? SILENT;
  const clock = overrides.clock ?? ((): number => Date.now() / 1000);
  const build = overrides.build ?? buildVersion();
  const environment = overrides.environment ?? {};
  warnOfRelaxations(config, log);
  const roots = overrides.roots ?? trustRoots(config.attestation.rootCa, log);
  const sources = overrides.collateral === undefined ? createEvidenceSources(config.attestation, { roots, clock, log }) : givenSources(overrides.collateral);
  const verifier = createThreadedVerifier({ roots, collateral: sources.collateral, certificates: sources.certificates, amdKdsUrl: config.attestation.amdKdsUrl, clock });
  const policy = overrides.policy ?? createKmsPolicy(config.authApi, build.version);
  const evidence = overrides.evidence ?? (await chooseKmsEvidence(config.evidence, { clock, environment, log }));
  const quoteMetrics = new QuoteMetrics();
  return {
    config,
    log,
    build,
    clock,
    random: overrides.random ?? randomBytes,
    store: overrides.keyStore ?? createDiskKeyStore(config.certDir),
    evidence: queuedOwnEvidence(evidence, new QuoteService({ ...config.evidenceQueue, now: () => performance.now(), metrics: quoteMetrics })),
    quoteMetrics,
    sources: { ...sources, close: async () => void (await Promise.all([verifier.close(), sources.close()])) },
    verifier,
    policy,
    rules: { authorizer: policy.authorizer, appraisal: config.appraisal, images: imageRules(config.image), sevSnpKeyRelease: config.sevSnpKeyRelease },
  };
}

/** Every switch that is not in its safe position is said aloud at every start. */
function warnOfRelaxations({ appraisal, authApi, attestRpcCert, enforceSelfAuthorization, image, sevSnpKeyRelease }: KmsConfig, log: Log): void {
  if (authApi.type === 'dev') log.warn({}, 'core.auth_api.type = "dev": every genuine caller gets keys');
  if (!attestRpcCert) log.warn({}, 'core.attest_rpc_cert = false: clients cannot tell this KMS from any other process');
  if (!enforceSelfAuthorization) log.warn({}, 'core.enforce_self_authorization = false: this KMS runs on whether the policy allows it or not');
  if (appraisal.acceptedAdvisoryIds === 'any') log.warn({}, 'core.appraisal.accepted_advisory_ids = "any": known vulnerabilities of the platform are left to the release policy');
  if (!image.verify) log.warn({}, 'core.image.verify = false: os_image_hash of TDX and SEV-SNP callers is what they say it is');
  if (sevSnpKeyRelease) log.warn({}, 'core.sev_snp_key_release = true: SEV-SNP callers are given keys');
}
