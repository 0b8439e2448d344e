import { readFile } from 'node:fs/promises';
import type { BuildVersion } from './build-version.js';
import type { AgentPlatform } from './agent-platform.js';
import type { AppCompose } from '../guest-agent/app-compose.js';
import { createAppKeyAttester } from '../guest-agent/app-key-attestation.js';
import type { AppKeys } from '../guest-agent/app-keys.js';
import { createAttestationPage } from '../guest-agent/attestation-page.js';
import type { CertSigner } from '../guest-agent/cert-signer.js';
import { createDemoCertificate, type DemoCertificate } from '../guest-agent/demo-cert.js';
import { createAppKeyDeriver } from '../guest-agent/derive-key.js';
import { createFreshLimit } from '../guest-agent/fresh-limit.js';
import { createInfo, publicInfo } from '../guest-agent/info.js';
import type { MeasuredLog } from '../guest-agent/measured-log.js';
import { createQuoter } from '../guest-agent/quote.js';
import { createAppSigner } from '../guest-agent/sign.js';
import { createTaggedQuoter } from '../guest-agent/tagged-quote.js';
import { createTlsKeys, type TlsKeys } from '../guest-agent/tls-key.js';
import type { GuestAgentDependencies } from '../handlers/guest-agent/bindings.js';
import type { TappdDependencies } from '../handlers/tappd/bindings.js';
import type { WorkerDependencies } from '../handlers/worker/bindings.js';
import { CallTurns } from '../scheduling/call-turns.js';

/** Everything the agent's services are made of, once keys and evidence are there. */
export interface AgentServices {
  readonly guestAgent: GuestAgentDependencies;
  readonly tappd: TappdDependencies;
  readonly worker: WorkerDependencies;
  readonly tlsKeys: TlsKeys;
  readonly demoCertificate: DemoCertificate;
}

export interface AgentServicesInputs {
  readonly platform: AgentPlatform;
  readonly keys: AppKeys;
  readonly compose: AppCompose;
  readonly vmConfig: string;
  readonly log: MeasuredLog;
  readonly signer: CertSigner;
  readonly machine: MachineName;
  readonly build: BuildVersion;
  readonly random: (length: number) => Uint8Array;
  /** Milliseconds, never going back. */
  readonly now: () => number;
  readonly metrics: GuestAgentDependencies['metrics'];
  readonly onDemoCertificateError: (error: unknown) => void;
}

/** What the firmware calls the machine; "" where it says nothing. */
export interface MachineName {
  readonly vendor: string;
  readonly product: string;
}

const GPU_ATTESTATION = '/run/nvidia-gpu-attestation/attestation.out';

export function createAgentServices(inputs: AgentServicesInputs): AgentServices {
  const { platform, keys, compose, vmConfig, log, machine, build, now } = inputs;
  const { evidence } = platform;
  const { generation } = log;
  const deriver = createAppKeyDeriver(keys);
  const signer = createAppSigner(deriver);
  const quoter = createQuoter({ evidence, vmConfig, simulatorForm: platform.simulatorForm });
  const tlsKeys = createTlsKeys({ evidence, signer: inputs.signer, k256Key: keys.k256Key, random: inputs.random });
  const demoCertificate = createDemoCertificate({ tlsKeys, now, onError: inputs.onDemoCertificateError });
  const getInfo = createInfo({
    evidence,
    compose,
    vmConfig,
    cloudVendor: machine.vendor,
    cloudProduct: machine.product,
    appCert: demoCertificate.current,
    now,
    generation,
  });
  const { publicTcbinfo } = compose;
  const turns = new CallTurns();
  return {
    guestAgent: { evidence, keys: deriver, tlsKeys, quoter, log, signer, getInfo, readGpuInfo: () => textOrEmpty(GPU_ATTESTATION), metrics: inputs.metrics, build, turns },
    tappd: { keys: deriver, tlsKeys, quoter: createTaggedQuoter(quoter), getInfo, build, turns },
    worker: {
      getInfo: async () => publicInfo(await getInfo(), publicTcbinfo),
      attestAppKey: createAppKeyAttester({ quoter, signer, now, generation }),
      getPage: createAttestationPage({ evidence, vmConfig, publicTcbinfo, allowFresh: createFreshLimit(now), now, generation }),
      build,
    },
    tlsKeys,
    demoCertificate,
  };
}

/** The firmware's name of the machine (spec/guest-agent.md section 6.5). */
export async function readMachineName(): Promise<MachineName> {
  const [vendor, product] = await Promise.all([textOrEmpty('/sys/class/dmi/id/sys_vendor'), textOrEmpty('/sys/class/dmi/id/product_name')]);
  return { vendor: vendor.trim(), product: product.trim() };
}

/** Both kinds of file are written by the system itself, so what is missing or unreadable is simply not there. */
async function textOrEmpty(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return '';
  }
}
