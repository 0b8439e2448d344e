import { EvidenceSourceError } from '../../errors/evidence-source-error.js';
import type { Attestation, RuntimeEvent } from '../evidence/attestation.js';
import type { EvidenceSource } from '../evidence/evidence-source.js';
import { nitroImageHash } from '../evidence/measurements.js';
import { parseNsmDocument } from '../nitro/document.js';
import { isDebugEnclave } from '../nitro/verify.js';
import { createDeviceSource } from './device-source.js';
import { createNsmClient, type NsmClientOptions } from './nsm-client.js';

const APP_ID_BYTES = 20;

export interface NsmDeviceOptions extends NsmClientOptions {
  /** Milliseconds of a caller's wait for its turn and its answer. */
  readonly callerDeadlineMs: number;
  readonly maxWaiting: number;
  /** 20 bytes, told along as an event nothing signs; null when the enclave has none. */
  readonly appId: Uint8Array | null;
}

export const NSM_DEFAULTS = { devicePath: '/dev/nsm', deviceDeadlineMs: 10_000, callerDeadlineMs: 30_000, maxWaiting: 64 } as const;

/**
 * Evidence of an AWS Nitro Enclave (spec/attestation.md sections 1.6 and 1.10).
 * @throws TypeError for an application id that is not 20 bytes
 */
export function createNsmEvidenceSource(options: NsmDeviceOptions): EvidenceSource {
  const runtimeEvents = appIdEvents(options.appId);
  const client = createNsmClient(options);

  async function attest(reportData: Buffer): Promise<Attestation> {
    const nsmQuote = await client.attest({ userData: reportData, nonce: null, publicKey: null });
    const { userData, config } = describe(nsmQuote);
    if (userData === null || !reportData.equals(userData)) {
      throw new EvidenceSourceError('DEVICE_FAILED', 'the NSM signed other user data than it was given');
    }
    return {
      wire: 'v0',
      platform: { kind: 'nitro-enclave', nsmQuote },
      stack: { kind: 'dstack', reportData, runtimeEvents, config, reportDataPayload: null },
    };
  }

  const { callerDeadlineMs: deadlineMs, maxWaiting } = options;
  return createDeviceSource({ variant: 'dstack-nitro-enclave', attest, nsmDocument: client.attest, emitEvent: null }, { deadlineMs, maxWaiting });
}

function appIdEvents(appId: Uint8Array | null): RuntimeEvent[] {
  if (appId === null) return [];
  if (appId.length !== APP_ID_BYTES) throw new TypeError(`appId must be ${APP_ID_BYTES} bytes, not ${appId.length}`);
  return [{ event: 'app-id', payload: appId.slice(), version: 1 }];
}

/** What the evidence says beside the document: a debug enclave, whose measurements are zeros, names 32 zero bytes (spec/attestation.md section 1.10). */
function describe(nsmQuote: Uint8Array): { readonly userData: Uint8Array | null; readonly config: string } {
  try {
    const document = parseNsmDocument(nsmQuote);
    const imageHash = isDebugEnclave(document) ? new Uint8Array(32) : nitroImageHash(document);
    return { userData: document.userData, config: JSON.stringify({ os_image_hash: Buffer.from(imageHash).toString('hex') }) };
  } catch (cause) {
    throw new EvidenceSourceError('DEVICE_FAILED', 'the NSM gave a malformed attestation document', { cause });
  }
}
