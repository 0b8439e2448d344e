import { EvidenceSourceError } from '../../errors/evidence-source-error.js';
import type { Attestation, RuntimeEvent } from '../evidence/attestation.js';
import type { EvidenceSource, NsmRequest } from '../evidence/evidence-source.js';
import { nitroImageHash } from '../evidence/measurements.js';
import { parseNsmDocument } from '../nitro/document.js';
import { isDebugEnclave } from '../nitro/verify.js';
import { checkNsmRequest, createNsmClient, type NsmClientOptions } from './nsm-client.js';
import { checkReportData } from './report-data.js';
import { createSerialQueue } from './serial-queue.js';

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
  const queue = createSerialQueue({ maxWaiting: options.maxWaiting });

  async function nsmDocument(request: NsmRequest, signal?: AbortSignal): Promise<Uint8Array> {
    const checked = checkNsmRequest(request);
    return queue.run(() => client.attest(checked), { deadlineMs: options.callerDeadlineMs, signal: signal ?? null, waitsFor: 'result' });
  }

  async function attest(reportData: Uint8Array, signal?: AbortSignal): Promise<Attestation> {
    const bound = checkReportData(reportData);
    const nsmQuote = await nsmDocument({ userData: bound, nonce: null, publicKey: null }, signal);
    const { userData, config } = describe(nsmQuote);
    if (userData === null || !bound.equals(userData)) {
      throw new EvidenceSourceError('DEVICE_FAILED', 'the NSM signed other user data than it was given');
    }
    return {
      wire: 'v0',
      platform: { kind: 'nitro-enclave', nsmQuote },
      stack: { kind: 'dstack', reportData: bound, runtimeEvents, config, reportDataPayload: null },
    };
  }

  return { variant: 'dstack-nitro-enclave', development: false, attest, nsmDocument, emitEvent: null };
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
