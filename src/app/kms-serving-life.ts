import { KMS } from '../../gen/dstack/kms/v1/kms_pb.js';
import { claim } from '../attestation/event-log/boundary.js';
import type { Caller } from '../caller/caller.js';
import { p256KeyToPem } from '../crypto/p256-pem.js';
import { messageChain } from '../errors/base.js';
import { KeyStoreError } from '../errors/key-store-error.js';
import { KMS_ACCESS, kmsBindings, type KmsDependencies, kmsUrls, RELEASING_PROCEDURES } from '../handlers/kms/bindings.js';
import type { AuditRecord } from '../http/handler-options.js';
import type { Listener } from '../http/listen/listener.js';
import type { TcpPlace } from '../http/listen/tcp.js';
import { listenTls } from '../http/listen/tls.js';
import { createRequestHandler } from '../http/request-handler.js';
import { AppKeyDeriver } from '../kms/derive-app-keys.js';
import { EnvEncryptKeys } from '../kms/env-encrypt-key.js';
import type { StoredKeySet } from '../kms/key-store.js';
import { loadRootKeys } from '../kms/load-root-keys.js';
import { createMeta } from '../kms/meta.js';
import { KmsMetrics } from '../kms/metrics.js';
import { type RefreshedCertificates, refreshCertificates } from '../kms/refresh-certificates.js';
import type { RootKeys } from '../kms/root-keys.js';
import { createSelfAuthorization, NO_SELF_AUTHORIZATION } from '../kms/self-authorization.js';
import { SessionBindings } from '../kms/session-binding.js';
import { createTempCa } from '../kms/temp-ca.js';
import { appVersionHeader } from './build-version.js';
import { callerIdentification } from './identify-caller.js';
import type { KmsServices } from './kms-services.js';
import { auditTo } from './log.js';

/** A KMS with its keys in memory and its certificates fresh; nothing is left that could fail but the port. */
export interface ServingLife {
  open(place: TcpPlace): Promise<Listener>;
}

/** @throws KeyStoreError; EvidenceSourceError when the TLS certificate must be attested and cannot be */
export async function prepareServingLife(services: KmsServices): Promise<ServingLife> {
  const stored = await services.store.load();
  const { keys, rpcCert } = await freshCertificates(services, stored);
  const metrics = services.config.metricsEnabled ? new KmsMetrics(() => services.sources.metrics()) : null;
  const handler = createRequestHandler({
    bindings: kmsBindings(dependencies(services, keys, stored)),
    prpc: [{ mount: '/prpc', trimPrefix: 'KMS.', service: KMS }],
    plain: kmsUrls(metrics === null ? null : { text: () => metrics.text() + services.quoteMetrics.text() }),
    access: KMS_ACCESS,
    audit: auditAndCount(auditTo(services.log), metrics),
    appIdOf,
    headers: { 'X-App-Version': appVersionHeader(services.build) },
  });
  const identity = { key: p256KeyToPem(keys.rpcKey), cert: rpcCert, clientCa: [keys.tmpCa.certificatePem] };
  const age = { clock: services.clock, maxAgeSeconds: services.config.callerEvidenceMaxAgeSeconds };
  return {
    open: async (place) => {
      services.verifier.start();
      return listenTls(place, identity, { handler, ...callerIdentification(services.verifier, age) });
    },
  };
}

function dependencies({ config, evidence, verifier, policy, rules, clock, random }: KmsServices, keys: RootKeys, stored: StoredKeySet): KmsDependencies {
  const { authorizer, names } = policy;
  const self = config.enforceSelfAuthorization ? createSelfAuthorization({ evidence, verifier, ...rules }) : NO_SELF_AUTHORIZATION;
  const deriver = new AppKeyDeriver(keys);
  return {
    release: { self, rules, deriver, keys, names, verifier, clock },
    environment: new EnvEncryptKeys({ self, deriver, keys, clock }),
    tempCa: createTempCa(keys, self),
    meta: createMeta(keys, stored.bootstrapInfo, authorizer),
    sessions: new SessionBindings({
      evidence,
      verifier,
      appraisal: rules.appraisal,
      ownSpki: keys.rpcKey.spki,
      required: config.requireSessionBinding,
      maxAgeSeconds: config.callerEvidenceMaxAgeSeconds,
      clock,
      random,
    }),
  };
}

/** A KMS that is to be attested never serves with an old certificate; any other makes do with it (spec/kms.md section 9). */
async function freshCertificates({ config, store, evidence, clock, log }: KmsServices, stored: StoredKeySet): Promise<RefreshedCertificates> {
  const keys = loadRootKeys(stored);
  const domain = config.onboard.autoBootstrapDomain || stored.rpcDomain;
  try {
    if (domain === null || domain === '') throw new KeyStoreError('STORE_MALFORMED', 'rpc-domain is missing: write the name this KMS is reachable at into it');
    return await refreshCertificates(keys, { store, domain, evidence: config.attestRpcCert ? evidence : null, now: clock() });
  } catch (error) {
    if (config.attestRpcCert) throw error;
    log.warn({ error: messageChain(error) }, 'certificates could not be renewed; the stored ones are used on');
    return { keys, rpcCert: stored.rpcCert };
  }
}

function auditAndCount(audit: (record: AuditRecord) => void, metrics: KmsMetrics | null): (record: AuditRecord) => void {
  if (metrics === null) return audit;
  return (record) => {
    if (RELEASING_PROCEDURES.has(record.procedure)) metrics.count(record.code === 'OK');
    audit(record);
  };
}

/** What the caller's evidence claims to be, in lower-case hex; null for a caller without. */
function appIdOf({ evidence }: Caller): string | null {
  if (evidence.status !== 'verified') return null;
  const { platform, attestation } = evidence.verified;
  // An SEV-SNP guest is told at launch what it runs; elsewhere the first events say it.
  const appId = platform.kind === 'sev-snp' ? platform.mrConfig.appId : claim(attestation.stack.runtimeEvents, 'app-id');
  return Buffer.from(appId).toString('hex');
}
