import { ScaleError, ScaleReader } from '../../crypto/scale.js';
import { ScaleWriter } from '../../crypto/scale-write.js';
import { MAX_EVENTS } from '../event-log/limits.js';
import type { Attestation, PlatformEvidence, RuntimeEvent, TdxEvent, TpmQuote } from '../evidence/attestation.js';
import { MAX_ATTESTATION_BYTES, MAX_CERTIFICATES, MAX_PCR_VALUES, REPORT_DATA_BYTES } from './limits.js';
import { malformed } from './msgpack-reader.js';

/** No single field can be longer than the whole. */
const MAX = MAX_ATTESTATION_BYTES;

/** SCALE index to platform (spec/attestation.md section 3.2). */
const KINDS = ['tdx', 'gcp-tdx', 'nitro-enclave', 'sev-snp', 'aws-nitro-tpm'] as const;
const TPM_PLATFORMS = ['dstack', 'gcp', 'nitroenclave', 'aws-ec2'] as const;

/**
 * Decodes the V0 (SCALE) form, trailing bytes refused.
 * @throws VerificationError ATTESTATION_MALFORMED
 */
export function decodeV0(input: Uint8Array): Attestation {
  // A plain Uint8Array even when given a Buffer, whose slice() does not copy.
  const reader = new ScaleReader(new Uint8Array(input.buffer, input.byteOffset, input.byteLength));
  try {
    if (reader.u8() !== 0) malformed('not version 0');
    const platform = readPlatform(reader);
    const runtimeEvents = reader.vector(MAX_EVENTS, readRuntimeEvent);
    const reportData = reader.raw(REPORT_DATA_BYTES).slice();
    const config = reader.string(MAX);
    reader.end();
    return { wire: 'v0', platform, stack: { kind: 'dstack', reportData, runtimeEvents, config, reportDataPayload: null } };
  } catch (cause) {
    if (cause instanceof ScaleError) malformed(cause.message, { cause });
    throw cause;
  }
}

/** Encodes the V0 form. The caller has made sure that it can hold the attestation (`isV0Encodable`). */
export function encodeV0({ platform, stack }: Attestation): Uint8Array {
  const out = new ScaleWriter().u8(0).u8(KINDS.indexOf(platform.kind));
  writePlatform(out, platform);
  out.vector(stack.runtimeEvents, (writer, event) => writer.string(event.event).bytes(event.payload));
  return out.raw(stack.reportData).string(stack.config).finish();
}

/** V0 has no room for V2 events, preimages or the pod's report data payload. */
export function isV0Encodable({ platform, stack }: Attestation): boolean {
  if (stack.kind !== 'dstack' || stack.reportData.length !== REPORT_DATA_BYTES) return false;
  if (stack.runtimeEvents.some((event) => event.version !== 1)) return false;
  const log = platform.kind === 'tdx' || platform.kind === 'gcp-tdx' ? platform.eventLog : [];
  return log.every((event) => event.version === 1 && event.preimage === null);
}

function readPlatform(reader: ScaleReader): PlatformEvidence {
  const index = reader.u8();
  const kind = KINDS[index];
  switch (kind) {
    case 'tdx':
      return { kind, ...readTdx(reader) };
    case 'gcp-tdx':
      return { kind, ...readTdx(reader), tpmQuote: readTpmQuote(reader) };
    case 'nitro-enclave':
      return { kind, nsmQuote: bytes(reader) };
    case 'sev-snp':
      return { kind, report: bytes(reader), certChain: reader.vector(MAX_CERTIFICATES, bytes), mrConfig: reader.string(MAX) };
    case 'aws-nitro-tpm':
      return { kind, attestationDoc: bytes(reader) };
    default:
      return malformed(`platform ${index} is unknown`);
  }
}

/** A copy: decoded evidence outlives the buffer it came in. */
function bytes(reader: ScaleReader): Uint8Array {
  return reader.bytes(MAX).slice();
}

function readTdx(reader: ScaleReader): { readonly quote: Uint8Array; readonly eventLog: TdxEvent[] } {
  return { quote: bytes(reader), eventLog: reader.vector(MAX_EVENTS, readTdxEvent) };
}

function readTdxEvent(reader: ScaleReader): TdxEvent {
  return {
    imr: reader.u32(),
    eventType: reader.u32(),
    digest: bytes(reader),
    event: reader.string(MAX),
    eventPayload: bytes(reader),
    version: 1,
    preimage: null,
  };
}

function readRuntimeEvent(reader: ScaleReader): RuntimeEvent {
  return { event: reader.string(MAX), payload: bytes(reader), version: 1 };
}

function readTpmQuote(reader: ScaleReader): TpmQuote {
  return {
    message: bytes(reader),
    signature: bytes(reader),
    pcrValues: reader.vector(MAX_PCR_VALUES, () => ({ index: reader.u32(), algorithm: reader.string(MAX), value: bytes(reader) })),
    akCert: bytes(reader),
    platform: TPM_PLATFORMS[reader.u8()] ?? malformed('platform of the vTPM quote is unknown'),
    eventLog: reader.vector(MAX_EVENTS, () => ({ pcrIndex: reader.u32(), digest: bytes(reader) })),
  };
}

function writePlatform(out: ScaleWriter, platform: PlatformEvidence): void {
  switch (platform.kind) {
    case 'tdx':
      writeTdx(out, platform);
      return;
    case 'gcp-tdx':
      writeTdx(out, platform);
      writeTpmQuote(out, platform.tpmQuote);
      return;
    case 'nitro-enclave':
      out.bytes(platform.nsmQuote);
      return;
    case 'sev-snp':
      out.bytes(platform.report).vector(platform.certChain, (writer, certificate) => writer.bytes(certificate));
      out.string(platform.mrConfig);
      return;
    case 'aws-nitro-tpm':
      out.bytes(platform.attestationDoc);
  }
}

function writeTdx(out: ScaleWriter, { quote, eventLog }: { readonly quote: Uint8Array; readonly eventLog: readonly TdxEvent[] }): void {
  out.bytes(quote).vector(eventLog, (writer, event) => {
    writer.u32(event.imr).u32(event.eventType).bytes(event.digest).string(event.event).bytes(event.eventPayload);
  });
}

function writeTpmQuote(out: ScaleWriter, quote: TpmQuote): void {
  out.bytes(quote.message).bytes(quote.signature);
  out.vector(quote.pcrValues, (writer, pcr) => writer.u32(pcr.index).string(pcr.algorithm).bytes(pcr.value));
  out.bytes(quote.akCert).u8(TPM_PLATFORMS.indexOf(quote.platform));
  out.vector(quote.eventLog, (writer, event) => writer.u32(event.pcrIndex).bytes(event.digest));
}
