import { createHash } from 'node:crypto';
import type { RuntimeEvent } from '../attestation/evidence/attestation.js';
import type { EvidenceSource } from '../attestation/evidence/evidence-source.js';
import { createDevelopmentNsm } from './development-nsm.js';
import { seededBytes } from './seeded-keys.js';

export interface DevelopmentNitroOptions {
  /** 32 bytes. */
  readonly seed: Uint8Array;
  /** Unix seconds, fractions count; stamps the documents. */
  readonly clock: () => number;
  /** PCR0 and following, 48 bytes each, at most 16; the rest are zero. All-zero PCR0 to PCR2 make a debug enclave. */
  readonly pcrs: readonly Uint8Array[];
  /** 20 bytes; null for an enclave without application id. */
  readonly appId: Uint8Array | null;
  /** Payload map of indefinite length, as AWS writes it; definite when false. */
  readonly indefiniteMaps?: boolean;
}

/** A Nitro Enclave whose documents are signed by the development PKI of its seed. */
export interface DevelopmentNitro extends EvidenceSource {
  readonly variant: 'dstack-nitro-enclave';
  readonly development: true;
  readonly nsmDocument: NonNullable<EvidenceSource['nsmDocument']>;
  /** Development root CA, DER. */
  readonly root: Uint8Array;
}

const PCR_COUNT = 16;
const PCR_LENGTH = 48;

/** PCR0 to PCR2 of a development enclave of one image (32 bytes), 48 bytes each. */
export function developmentPcrs(imageHash: Uint8Array): [Uint8Array, Uint8Array, Uint8Array] {
  const pcr = (index: number): Uint8Array => new Uint8Array(createHash('sha384').update(`dstack-node development PCR${index} of image `).update(imageHash).digest());
  return [pcr(0), pcr(1), pcr(2)];
}

/** @throws TypeError for a seed, PCR or application id of the wrong length. */
export function createDevelopmentNitro(options: DevelopmentNitroOptions): DevelopmentNitro {
  const pcrs = allPcrs(options.pcrs);
  const nsm = createDevelopmentNsm({
    seed: options.seed,
    clock: options.clock,
    pcrs: new Map(pcrs.entries()),
    moduleId: developmentModuleId(options.seed),
    indefiniteMaps: options.indefiniteMaps ?? true,
  });
  const runtimeEvents = appIdEvent(options.appId);
  const config = JSON.stringify({ os_image_hash: imageHashOf(pcrs).toString('hex') });
  return {
    variant: 'dstack-nitro-enclave',
    development: true,
    root: nsm.root,
    nsmDocument: nsm.document,
    emitEvent: null,
    async attest(reportData, signal) {
      if (reportData.length !== 64) throw new TypeError('reportData must be 64 bytes');
      const nsmQuote = await nsm.document({ userData: reportData, nonce: null, publicKey: null }, signal);
      return {
        wire: 'v0',
        platform: { kind: 'nitro-enclave', nsmQuote },
        stack: { kind: 'dstack', reportData: Uint8Array.from(reportData), runtimeEvents, config, reportDataPayload: null },
      };
    },
  };
}

/** The shape of AWS's: instance id, dash, enclave id. */
function developmentModuleId(seed: Uint8Array): string {
  const id = Buffer.from(seededBytes(seed, 'nsm-module-id', 17)).toString('hex');
  return `i-${id.slice(0, 17)}-enc${id.slice(17, 33)}`;
}

function allPcrs(given: readonly Uint8Array[]): readonly Uint8Array[] {
  if (given.length > PCR_COUNT) throw new TypeError(`pcrs must be at most ${PCR_COUNT}`);
  return Array.from({ length: PCR_COUNT }, (_, index) => {
    const pcr = given[index] ?? new Uint8Array(PCR_LENGTH);
    if (pcr.length !== PCR_LENGTH) throw new TypeError(`pcrs[${index}] must be ${PCR_LENGTH} bytes`);
    return pcr;
  });
}

/** SHA256(PCR0 ‖ PCR1 ‖ PCR2), or zeros when all three are zero (spec/attestation.md section 1.10). */
function imageHashOf(pcrs: readonly Uint8Array[]): Buffer {
  const boot = Buffer.concat(pcrs.slice(0, 3));
  return boot.every((byte) => byte === 0) ? Buffer.alloc(32) : createHash('sha256').update(boot).digest();
}

function appIdEvent(appId: Uint8Array | null): readonly RuntimeEvent[] {
  if (appId === null) return [];
  if (appId.length !== 20) throw new TypeError('appId must be 20 bytes');
  return [{ event: 'app-id', payload: appId, version: 1 }];
}
