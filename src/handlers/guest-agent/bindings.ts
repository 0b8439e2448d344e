import { GuestAgent } from '../../../gen/dstack/guestagent/v1/guest_agent_pb.js';
import type { EvidenceSource } from '../../attestation/evidence/evidence-source.js';
import type { AppKeyDeriver } from '../../guest-agent/derive-key.js';
import type { InstanceInfo } from '../../guest-agent/info.js';
import type { MeasuredLog } from '../../guest-agent/measured-log.js';
import type { Quoter } from '../../guest-agent/quote.js';
import type { AppSigner } from '../../guest-agent/sign.js';
import type { TlsKeys } from '../../guest-agent/tls-key.js';
import { type Access, type AccessTable, ANONYMOUS } from '../../http/access.js';
import { bindMethod, type MethodBinding, procedureName } from '../../http/method.js';
import type { PlainRoute } from '../../http/plain-route.js';
import type { CallTurns } from '../../scheduling/call-turns.js';
import { inTurn } from '../in-turn.js';
import { attest } from './attest.js';
import { emitEvent } from './emit-event.js';
import { getAttestationUrl } from './get-attestation-url.js';
import { getAttestation } from './get-attestation.js';
import { getKey } from './get-key.js';
import { getQuoteUrl } from './get-quote-url.js';
import { getQuote } from './get-quote.js';
import { getTlsKey } from './get-tls-key.js';
import { gpuInfo } from './gpu-info.js';
import { info } from './info.js';
import { sign } from './sign.js';
import { verify } from './verify.js';
import { METRICS_PROCEDURE, metricsUrl, type MetricsText } from '../metrics-url.js';
import { type BuildVersion, version } from './version.js';

export interface GuestAgentDependencies {
  readonly evidence: EvidenceSource;
  readonly keys: AppKeyDeriver;
  readonly tlsKeys: TlsKeys;
  readonly quoter: Quoter;
  readonly log: MeasuredLog;
  readonly signer: AppSigner;
  readonly getInfo: () => Promise<InstanceInfo>;
  readonly readGpuInfo: () => Promise<string>;
  readonly metrics: MetricsText;
  readonly build: BuildVersion;
  /** Those of the process: what makes keys, signs or issues certificates takes them. */
  readonly turns: CallTurns;
}

export function guestAgentBindings(agent: GuestAgentDependencies): MethodBinding[] {
  const { method } = GuestAgent;
  const { turns } = agent;
  return [
    bindMethod(method.getTlsKey, inTurn(turns, 'large', getTlsKey(agent.tlsKeys))),
    bindMethod(method.getKey, inTurn(turns, 'small', getKey(agent.keys))),
    bindMethod(method.getQuote, getQuote(agent.quoter)),
    bindMethod(method.getAttestation, getAttestation(agent.evidence)),
    bindMethod(method.attest, attest(agent.quoter)),
    bindMethod(method.info, info(agent.getInfo)),
    bindMethod(method.gpuInfo, gpuInfo(agent.readGpuInfo)),
    bindMethod(method.emitEvent, emitEvent(agent.log)),
    bindMethod(method.sign, inTurn(turns, 'small', sign(agent.signer))),
    bindMethod(method.verify, inTurn(turns, 'small', verify())),
    bindMethod(method.version, version(agent.build)),
  ];
}

/** The documented URLs of the guest socket. */
export function guestAgentUrls(agent: Pick<GuestAgentDependencies, 'evidence' | 'quoter' | 'metrics'>): PlainRoute[] {
  return [getQuoteUrl(agent.quoter), getAttestationUrl(agent.evidence), metricsUrl(agent.metrics)];
}

/**
 * Everything is open to whoever reaches the socket: the mode of the socket file, and who has it mounted,
 * is the access control. Methods are listed one by one so that a new one is refused until somebody decided.
 */
export const GUEST_AGENT_ACCESS: AccessTable = new Map<string, Access>([
  [procedureName(GuestAgent.method.getTlsKey), ANONYMOUS],
  [procedureName(GuestAgent.method.getKey), ANONYMOUS],
  [procedureName(GuestAgent.method.getQuote), ANONYMOUS],
  [procedureName(GuestAgent.method.getAttestation), ANONYMOUS],
  [procedureName(GuestAgent.method.attest), ANONYMOUS],
  [procedureName(GuestAgent.method.info), ANONYMOUS],
  [procedureName(GuestAgent.method.gpuInfo), ANONYMOUS],
  [procedureName(GuestAgent.method.emitEvent), ANONYMOUS],
  [procedureName(GuestAgent.method.sign), ANONYMOUS],
  [procedureName(GuestAgent.method.verify), ANONYMOUS],
  [procedureName(GuestAgent.method.version), ANONYMOUS],
  ['plain/GetQuote', ANONYMOUS],
  ['plain/GetAttestation', ANONYMOUS],
  [METRICS_PROCEDURE, ANONYMOUS],
]);
