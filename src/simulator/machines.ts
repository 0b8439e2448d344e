import type { EvidenceSource } from '../attestation/evidence/evidence-source.js';
import type { DevelopmentApp } from './boot-events.js';
import { bootedKernel } from './gcp-image.js';
import { createDevelopmentGcpTdx } from './gcp-tdx-platform.js';
import { createDevelopmentNitro, developmentPcrs } from './nitro-platform.js';
import { createDevelopmentSnp } from './snp-platform.js';
import { createDevelopmentTdx } from './tdx-platform.js';

/** Kinds of machine the development platform imitates. */
export type MachineName = 'tdx' | 'gcp-tdx' | 'nitro-enclave' | 'sev-snp';

/** An application on a machine, provisioning just begun. */
export interface MachineInputs extends Pick<DevelopmentApp, 'appId' | 'composeHash' | 'instanceId'> {
  /** 32 bytes. */
  readonly seed: Uint8Array;
  /** Unix seconds. */
  readonly clock: () => number;
  /** OS image as the VM configuration names it, 32 bytes; on a Nitro Enclave, what the image is made of. */
  readonly imageHash: Uint8Array;
  /** VM configuration, JSON; "" for one that only names the image. */
  readonly vmConfig: string;
  /** Where the keys are to come from, as the host says at launch; measured later where events can be. */
  readonly keyProvider: NonNullable<DevelopmentApp['keyProvider']>;
  /** Version of the run-time events. */
  readonly eventVersion: 1 | 2;
}

export interface Machine {
  readonly evidence: EvidenceSource;
  /** Development roots its evidence leads to, DER. */
  readonly roots: readonly Uint8Array[];
}

/** @throws TypeError for a seed, hash or identity of the wrong length; AppraisalError and VerificationError for a VM configuration that describes another image than it names */
export function createMachine(name: MachineName, inputs: MachineInputs): Machine {
  switch (name) {
    case 'tdx': {
      const evidence = createDevelopmentTdx({ ...inputs, ...bootOf(inputs) });
      return { evidence, roots: [evidence.root] };
    }
    case 'gcp-tdx': {
      const evidence = createDevelopmentGcpTdx({ ...inputs, ...bootOf(inputs), ukiDigest: bootedKernel(inputs.vmConfig, inputs.imageHash) });
      return { evidence, roots: evidence.roots };
    }
    case 'nitro-enclave': {
      const evidence = createDevelopmentNitro({ ...inputs, pcrs: developmentPcrs(inputs.imageHash) });
      return { evidence, roots: [evidence.root] };
    }
    case 'sev-snp': {
      const { seed, imageHash, keyProvider } = inputs;
      const { app, vmConfig } = bootOf(inputs);
      const evidence = createDevelopmentSnp({ seed, imageHash, vmConfig, app: { ...app, keyProvider } });
      return { evidence, roots: [evidence.root] };
    }
  }
}

/** Events are emitted as provisioning proceeds, so the first ones say nothing of the keys. */
function bootOf({ appId, composeHash, instanceId, vmConfig }: MachineInputs): { readonly app: DevelopmentApp; readonly vmConfig: string | null } {
  return { app: { appId, composeHash, instanceId, keyProvider: null, storageFs: '' }, vmConfig: vmConfig === '' ? null : vmConfig };
}
