import { createHash, randomBytes } from 'node:crypto';
import type { EvidenceSource } from '../../attestation/evidence/evidence-source.js';
import type { TeeVariant } from '../../attestation/tee-variant.js';
import type { AgentCore } from '../../config/agent-config.js';
import { createDevelopmentNitro, developmentPcrs } from '../../simulator/nitro-platform.js';
import { createDevelopmentNitroPki } from '../../simulator/nitro-pki.js';
import { createDevelopmentTdxPki } from '../../simulator/tdx-pki.js';
import { createDevelopmentTdx } from '../../simulator/tdx-platform.js';

/** What applications of a development system run on. Its KMS is a TDX machine, whatever they run on. */
export type DevelopmentPlatform = 'tdx' | 'nitro';

/** An application on a machine. */
export interface MachineInputs {
  /** 32 bytes. */
  readonly seed: Uint8Array;
  /** Unix seconds. */
  readonly clock: () => number;
  /** Hash that names the OS image, 32 bytes; on a Nitro Enclave, what the image is made of. */
  readonly image: Uint8Array;
  /** 20 bytes. */
  readonly appId: Uint8Array;
  /** 32 bytes. */
  readonly composeHash: Uint8Array;
}

/** What the development system has to know of a platform. */
export interface MachineKind {
  readonly variant: TeeVariant;
  /** Value of `default.core.simulator.machine`. */
  readonly machine: AgentCore['simulator']['machine'];
  /** Whether its evidence holds a TDX quote, and with it RTMRs. */
  readonly quotes: 'tdx' | 'none';
  /** Evidence of an application that calls the KMS directly. */
  readonly evidence: (inputs: MachineInputs) => EvidenceSource;
  /** Vendor root of the development PKI, DER. */
  readonly root: (seed: Uint8Array) => Uint8Array;
  /** What a policy lists for an application: the image where it is measured, and what stands for the compose file. */
  readonly policyEntry: (image: Uint8Array, composeHash: string) => { readonly osImageHash: string; readonly composeHash: string };
}

const named = (image: Uint8Array, composeHash: string): ReturnType<MachineKind['policyEntry']> => ({ osImageHash: Buffer.from(image).toString('hex'), composeHash });

/** Platform → what is particular about it. A further platform is a further entry. */
export const MACHINE_KINDS: Readonly<Record<DevelopmentPlatform, MachineKind>> = {
  tdx: {
    variant: 'dstack-tdx',
    machine: 'tdx',
    quotes: 'tdx',
    root: (seed) => createDevelopmentTdxPki(seed).root,
    evidence: ({ seed, clock, image, appId, composeHash }) =>
      createDevelopmentTdx({ seed, clock, app: { appId, composeHash, instanceId: randomBytes(20), keyProvider: null, storageFs: '' }, imageHash: image, vmConfig: null }),
    policyEntry: named,
  },
  nitro: {
    variant: 'dstack-nitro-enclave',
    machine: 'nitro-enclave',
    quotes: 'none',
    root: (seed) => createDevelopmentNitroPki(seed).root,
    evidence: ({ seed, clock, image, appId }) => createDevelopmentNitro({ seed, clock, pcrs: developmentPcrs(image), appId }),
    // An enclave measures its image and nothing else, so that hash is the compose hash too (spec/kms.md section 11.2).
    policyEntry: (image) => {
      const osImageHash = createHash('sha256').update(Buffer.concat(developmentPcrs(image))).digest('hex');
      return { osImageHash, composeHash: osImageHash };
    },
  },
};

/** @throws TypeError naming the platforms there are */
export function developmentPlatform(name: string): DevelopmentPlatform {
  if (Object.hasOwn(MACHINE_KINDS, name)) return name as DevelopmentPlatform;
  throw new TypeError(`unknown platform "${name}"; there are ${Object.keys(MACHINE_KINDS).join(', ')}`);
}
