import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type AttestationVerifier, createAttestationVerifier } from '../attestation/evidence/attestation-verifier.js';
import { QuoteMetrics } from '../attestation/issue/quote-metrics.js';
import { QuoteService } from '../attestation/issue/quote-service.js';
import { queuedEvidence } from '../attestation/issue/queued-evidence.js';
import type { AgentConfig } from '../config/agent-config.js';
import { readBounded } from '../config/load-file.js';
import { REPORT_DATA_LENGTH } from '../crypto/report-data.js';
import { messageChain } from '../errors/base.js';
import { MAX_COMPOSE_BYTES, parseAppCompose } from '../guest-agent/app-compose.js';
import { createMeasuredLog } from '../guest-agent/measured-log.js';
import { measureProvisioning, type Provisioned } from '../guest-agent/provision.js';
import { MAX_SYS_CONFIG_BYTES, parseSysConfig, type SysConfig } from '../guest-agent/sys-config.js';
import type { PeerCredentials } from '../http/listen/listener.js';
import { loadNative } from '../native/loader.js';
import { listenOnVsock } from '../native/vsock.js';
import { certSignerFor, keySource, obtainKeys } from './agent-keys.js';
import { type AgentListeners, openListeners } from './agent-listeners.js';
import { type AgentPlatform, choosePlatform } from './agent-platform.js';
import { type AgentServices, createAgentServices, readMachineName } from './agent-services.js';
import { buildVersion, type BuildVersion } from './build-version.js';
import { createEvidenceSources, type EvidenceSources, givenSources, type SourceContext } from './evidence-sources.js';
import { auditTo, type Log, SILENT } from './log.js';
import { trustRoots } from './trust.js';

/** What tests and other compositions may put in place of the real thing. */
export interface AgentOverrides {
  readonly log?: Log;
  /** `process.env` of the process; device locations are read from it. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly platform?: AgentPlatform;
  readonly verifier?: AttestationVerifier;
  /** Keys instead of those of the configured source. */
  readonly provision?: () => Promise<Provisioned>;
  readonly build?: BuildVersion;
  /** Unix seconds. */
  readonly clock?: () => number;
  /** Milliseconds, never going back. */
  readonly now?: () => number;
  readonly random?: (length: number) => Uint8Array;
}

export interface GuestAgentApp {
  /** Obtains evidence source and keys, then serves. Rejects, with nothing left running, when any of it cannot be had. */
  start(): Promise<AgentListeners>;
  /** Lets calls in flight finish, for `graceMs` milliseconds at most. */
  stop(graceMs: number): Promise<void>;
}

/** Milliseconds the first certificate may take before the sockets open without it. */
const DEMO_CERTIFICATE_WAIT_MS = 2_000;

/** The Guest Agent process (spec/guest-agent.md section 1). */
export function createGuestAgentApp(config: AgentConfig, overrides: AgentOverrides = {}): GuestAgentApp {
  const log = overrides.log ?? SILENT;
  let listeners: AgentListeners | null = null;
  const closing: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => void (await Promise.all(closing.splice(0).map((end) => end())));
  return {
    async start() {
      try {
        const services = await prepare(config, log, overrides, closing);
        await Promise.race([services.demoCertificate.request(), delay(DEMO_CERTIFICATE_WAIT_MS, undefined, { ref: false })]);
        listeners = await openListeners({
          config,
          services,
          audit: auditTo(log),
          peerCredentials: peerCredentials(log),
          openVsock: (request, accepted) => listenOnVsock(loadNative(), request, accepted),
        });
      } catch (error) {
        await close();
        throw error;
      }
      log.info({ listeners: Object.fromEntries(Object.entries(listeners).map(([name, listener]) => [name, listener?.address ?? null])) }, 'serving');
      return listeners;
    },
    async stop(graceMs) {
      await Promise.all(Object.values(listeners ?? {}).map((listener: AgentListeners[keyof AgentListeners]) => listener?.stop(graceMs)));
      await close();
    },
  };
}

/** @param closing gets what must be closed in the end, also when this fails */
async function prepare(config: AgentConfig, log: Log, overrides: AgentOverrides, closing: (() => Promise<void>)[]): Promise<AgentServices> {
  const { core } = config;
  const clock = overrides.clock ?? ((): number => Date.now() / 1000);
  const random = overrides.random ?? randomBytes;
  const compose = parseAppCompose(readBounded(core.composeFile, MAX_COMPOSE_BYTES));
  const sys = readSysConfig(config);
  const now = overrides.now ?? ((): number => performance.now());
  const metrics = new QuoteMetrics();
  const chosen = overrides.platform ?? (await choosePlatform({ core, compose, vmConfig: sys.vmConfig, mrConfig: sys.mrConfig, clock, environment: overrides.environment ?? {} }));
  const evidence = queuedEvidence(chosen.evidence, new QuoteService({ ...core.evidenceQueue, now, metrics }));
  const platform = { ...chosen, evidence };
  for (const line of platform.banner) log.warn({}, line);
  const roots = trustRoots(core.rootCa, log);
  const sources = agentSources(config, platform, { roots, clock, log });
  closing.push(() => sources.close());
  await sources.start();
  const verifier = overrides.verifier ?? createAttestationVerifier({ roots, collateral: sources.collateral, certificates: sources.certificates, amdKdsUrl: core.amdKdsUrl, clock });
  const keyInputs = { config, compose, sys, evidence, verifier, clock, random, log };
  const provisioned = await (overrides.provision ?? (() => obtainKeys(keyInputs)))();
  const measured = createMeasuredLog(evidence);
  if (platform.measuresProvisioning || keySource(keyInputs) === 'kms') {
    const { stack } = await evidence.attest(new Uint8Array(REPORT_DATA_LENGTH));
    await measureProvisioning(provisioned, measured, stack.runtimeEvents);
  }
  return createAgentServices({
    platform,
    keys: provisioned.keys,
    compose,
    vmConfig: sys.vmConfig,
    log: measured,
    signer: certSignerFor(provisioned.keys, keyInputs),
    machine: evidence.development ? { vendor: '', product: '' } : await readMachineName(),
    build: overrides.build ?? buildVersion(),
    random,
    now,
    metrics,
    onDemoCertificateError: (error) => log.warn({ error: messageChain(error) }, 'no demonstration certificate yet'),
  });
}

/**
 * What the KMS's evidence is looked up in. Machines of the development platform are all alike, so without a
 * file they need no network for their collateral.
 */
function agentSources({ core }: AgentConfig, platform: AgentPlatform, context: SourceContext): EvidenceSources {
  const own = core.collateralFile === null ? platform.collateral : null;
  return own === null ? createEvidenceSources(core, context) : givenSources(own);
}

/** The host writes the system configuration; an enclave has no such host, and everything it needs is in the agent's own configuration. */
function readSysConfig({ core }: AgentConfig): SysConfig {
  const isEnclave = core.platform === 'nitro' || (core.platform === 'auto' && existsSync('/dev/nsm'));
  if (isEnclave && !existsSync(core.sysConfigFile)) return { kmsUrls: [], vmConfig: '', mrConfig: '' };
  return parseSysConfig(readBounded(core.sysConfigFile, MAX_SYS_CONFIG_BYTES).toString('utf8'));
}

/** For audit records only, so the agent serves without the addon too. */
function peerCredentials(log: Log): PeerCredentials | null {
  try {
    const native = loadNative();
    return (fd) => native.peerCredentials({ fd });
  } catch (error) {
    log.warn({ error: messageChain(error) }, 'callers of unix sockets are not identified in the log');
    return null;
  }
}
