import { createHash } from 'node:crypto';
import { EvidenceSourceError } from '../../errors/evidence-source-error.js';
import type { NativeBinding } from '../../native/binding.js';
import type { Attestation, RuntimeEvent } from '../evidence/attestation.js';
import type { EvidenceSource, NsmRequest } from '../evidence/evidence-source.js';
import { parseNsmDocument, type NsmDocument } from '../nitro/document.js';
import { decodeAttestationAnswer, encodeNsmCommand } from './nsm-message.js';
import { checkReportData } from './report-data.js';
import { createSerialQueue } from './serial-queue.js';

/** Limits AWS publishes for the arguments of an attestation request. */
const MAX_USER_DATA = 512;
const MAX_NONCE = 512;
const MAX_PUBLIC_KEY = 1024;

const PCR_BYTES = 48;
const APP_ID_BYTES = 20;

export interface NsmDeviceOptions {
  readonly native: Pick<NativeBinding, 'nsmRequest'>;
  /** `/dev/nsm`. */
  readonly devicePath: string;
  /** Of one request to the device, and of a caller's wait for its turn and its answer. */
  readonly deviceDeadlineMs: number;
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
  const queue = createSerialQueue({ maxWaiting: options.maxWaiting });

  async function nsmDocument(request: NsmRequest, signal?: AbortSignal): Promise<Uint8Array> {
    const command = encodeNsmCommand({ kind: 'Attestation', ...checkRequest(request) });
    const ask = () => options.native.nsmRequest({ devicePath: options.devicePath, request: command, deadlineMs: options.deviceDeadlineMs });
    const answer = await queue.run(ask, { deadlineMs: options.callerDeadlineMs, signal: signal ?? null, waitsFor: 'result' });
    return decodeAttestationAnswer(answer);
  }

  async function attest(reportData: Uint8Array, signal?: AbortSignal): Promise<Attestation> {
    const bound = checkReportData(reportData);
    const nsmQuote = await nsmDocument({ userData: bound, nonce: null, publicKey: null }, signal);
    const document = parseDocument(nsmQuote);
    if (document.userData === null || !bound.equals(document.userData)) {
      throw new EvidenceSourceError('DEVICE_FAILED', 'the NSM signed other user data than it was given');
    }
    return {
      wire: 'v0',
      platform: { kind: 'nitro-enclave', nsmQuote },
      stack: { kind: 'dstack', reportData: bound, runtimeEvents, config: configOf(document), reportDataPayload: null },
    };
  }

  return { variant: 'dstack-nitro-enclave', development: false, attest, nsmDocument, emitEvent: null };
}

/**
 * SHA256(PCR0 || PCR1 || PCR2), or 32 zero bytes for a debug enclave, whose three PCRs are zero
 * (spec/attestation.md section 1.10).
 * @throws EvidenceSourceError DEVICE_FAILED when a PCR is missing or not 48 bytes
 */
export function nitroImageHash(document: NsmDocument): Uint8Array {
  const pcrs = Buffer.concat([0, 1, 2].map((index) => pcr(document, index)));
  return pcrs.every((byte) => byte === 0) ? new Uint8Array(32) : createHash('sha256').update(pcrs).digest();
}

function pcr(document: NsmDocument, index: number): Uint8Array {
  const value = document.pcrs.get(index);
  if (value?.length === PCR_BYTES) return value;
  throw new EvidenceSourceError('DEVICE_FAILED', `PCR${index} of the attestation document is not ${PCR_BYTES} bytes`);
}

function configOf(document: NsmDocument): string {
  return JSON.stringify({ os_image_hash: Buffer.from(nitroImageHash(document)).toString('hex') });
}

function appIdEvents(appId: Uint8Array | null): RuntimeEvent[] {
  if (appId === null) return [];
  if (appId.length !== APP_ID_BYTES) throw new TypeError(`appId must be ${APP_ID_BYTES} bytes, not ${appId.length}`);
  return [{ event: 'app-id', payload: appId.slice(), version: 1 }];
}

function parseDocument(bytes: Uint8Array): NsmDocument {
  try {
    return parseNsmDocument(bytes);
  } catch (cause) {
    throw new EvidenceSourceError('DEVICE_FAILED', 'the NSM gave a malformed attestation document', { cause });
  }
}

function checkRequest(request: NsmRequest): NsmRequest {
  return {
    userData: bounded(request.userData, 'user_data', MAX_USER_DATA),
    nonce: bounded(request.nonce, 'nonce', MAX_NONCE),
    publicKey: bounded(request.publicKey, 'public_key', MAX_PUBLIC_KEY),
  };
}

function bounded(value: Uint8Array | null, name: string, limit: number): Uint8Array | null {
  if (value !== null && value.length > limit) throw new EvidenceSourceError('DEVICE_FAILED', `NSM: ${name} of ${value.length} bytes, at most ${limit}`);
  return value;
}
