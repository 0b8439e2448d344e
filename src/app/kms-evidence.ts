import type { EvidenceSource } from '../attestation/evidence/evidence-source.js';
import type { QuoteService } from '../attestation/issue/quote-service.js';
import type { KmsEvidenceConfig } from '../config/kms-config.js';
import type { OwnEvidence } from '../kms/own-evidence.js';
import { createAgentEvidence } from '../outbound/agent-evidence.js';
import { createAgentCall, defaultAgentAddress } from '../outbound/agent-http.js';
import { loadNative } from '../native/loader.js';
import { connectVsock } from '../native/vsock.js';
import { deviceEvidence } from './device-evidence.js';
import type { Log } from './log.js';

export interface KmsEvidenceInputs {
  /** Unix seconds. */
  readonly clock: () => number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
}

/**
 * Evidence of the KMS's own machine, from where the configuration says.
 * @throws ConfigError for a seed file that holds none, EvidenceSourceError NOT_THIS_PLATFORM
 */
export async function chooseKmsEvidence(config: KmsEvidenceConfig, inputs: KmsEvidenceInputs): Promise<OwnEvidence> {
  switch (config.source) {
    case 'agent':
      return createAgentEvidence(createAgentCall(config.address ?? defaultAgentAddress(), (address) => connectVsock(loadNative(), address)));
    case 'device': {
      const appId = config.appId === '' ? null : Buffer.from(config.appId, 'hex');
      return embedded(await deviceEvidence({ vmConfig: '', mrConfig: '', appId, environment: inputs.environment }));
    }
    case 'development':
      // Loaded only here: production never has the simulator in memory.
      return embedded((await import('./kms-development-evidence.js')).developmentEvidence(config, inputs));
  }
}

/** The KMS's own evidence by its turns in the quote service: sessions of strangers queue for the same device. */
export function queuedOwnEvidence(own: OwnEvidence, service: QuoteService): OwnEvidence {
  return {
    async attest(reportData, signal, asker) {
      const bound = Uint8Array.from(reportData);
      const key = `attest ${Buffer.from(bound).toString('hex')}`;
      return service.ask({ key, task: () => own.attest(bound) }, asker ?? { peer: 'kms', waitMs: null }, signal ?? null);
    },
    vmConfig: () => own.vmConfig(),
  };
}

/** A source that has no VM configuration but the one inside its evidence. */
function embedded(source: EvidenceSource): OwnEvidence {
  return { attest: (reportData, signal) => source.attest(reportData, signal), vmConfig: async () => '' };
}
