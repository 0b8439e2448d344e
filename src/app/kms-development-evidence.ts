import { createHash } from 'node:crypto';
import type { EvidenceSource } from '../attestation/evidence/evidence-source.js';
import type { KmsEvidenceConfig } from '../config/kms-config.js';
import { readBounded } from '../config/load-file.js';
import { ConfigError } from '../errors/config-error.js';
import { developmentBanner } from '../simulator/banner.js';
import { assertNoTeeDevice } from '../simulator/refuse-real-tee.js';
import { createDevelopmentTdx } from '../simulator/tdx-platform.js';
import type { KmsEvidenceInputs } from './kms-evidence.js';

/** The KMS's own machine on the development platform. @throws ConfigError for a seed file that holds none, EvidenceSourceError NOT_THIS_PLATFORM */
export function developmentEvidence({ seedFile, appId }: Extract<KmsEvidenceConfig, { source: 'development' }>, { clock, log }: KmsEvidenceInputs): EvidenceSource {
  assertNoTeeDevice();
  const named = (what: string, length: number): Uint8Array => createHash('sha256').update(`dstack-node development KMS ${what}`).digest().subarray(0, length);
  const evidence = createDevelopmentTdx({
    seed: readSeed(seedFile),
    clock,
    app: {
      appId: appId === '' ? named('app id', 20) : Buffer.from(appId, 'hex'),
      composeHash: named('compose file', 32),
      instanceId: named('instance id', 20),
      keyProvider: { name: 'none', id: '' },
      storageFs: 'zfs',
    },
    imageHash: named('image', 32),
    vmConfig: null,
  });
  for (const line of developmentBanner(evidence.variant, [evidence.root])) log.warn({}, line);
  return evidence;
}

/** 64 hex digits, white space around them allowed. The content is never repeated in an error. */
function readSeed(path: string): Uint8Array {
  const text = readBounded(path, 1024).toString('latin1').trim();
  if (!/^[0-9a-f]{64}$/i.test(text)) throw new ConfigError('CONFIG_INVALID', `core.evidence.seed_file: ${path} does not hold 64 hex digits`);
  return Buffer.from(text, 'hex');
}
