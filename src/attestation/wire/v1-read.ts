import { MAX_EVENTS } from '../event-log/limits.js';
import type { Attestation, PlatformEvidence, StackEvidence, TpmQuote } from '../evidence/attestation.js';
import { MAX_CERTIFICATES, MAX_PCR_VALUES, REPORT_DATA_BYTES } from './limits.js';
import { malformed, MsgpackReader } from './msgpack-reader.js';
import { bytes, type FieldSpec, listOf, nullableText, optional, position, readStruct, required, structOf, text, u32 } from './msgpack-struct.js';

const eventVersion: FieldSpec<1 | 2>['read'] = (reader, what) => {
  const version = reader.uint(what, 0xffff_ffff);
  return version === 1 || version === 2 ? version : malformed(`${what} ${version} is unknown`);
};

const TDX_EVENT = {
  imr: required(u32),
  event_type: required(u32),
  digest: optional(bytes, new Uint8Array()),
  event: required(text),
  event_payload: required(bytes),
  version: optional<1 | 2>(eventVersion, 1),
  preimage: optional<string | null>(nullableText, null),
};

const RUNTIME_EVENT = { event: required(text), payload: required(bytes), version: optional<1 | 2>(eventVersion, 1) };

const TPM_PLATFORMS = ['dstack', 'gcp', 'nitroenclave', 'aws-ec2'] as const;
const tpmPlatform: FieldSpec<TpmQuote['platform']>['read'] = (reader, what) => {
  const name = reader.text(what);
  return TPM_PLATFORMS.find((known) => known === name) ?? malformed(`${what} is unknown`);
};

const TPM_QUOTE = {
  message: required(bytes),
  signature: required(bytes),
  pcr_values: required(listOf(structOf({ index: required(u32), algorithm: required(text), value: required(bytes) }), MAX_PCR_VALUES)),
  ak_cert: required(bytes),
  platform: required(tpmPlatform),
  event_log: required(listOf(structOf({ pcr_index: required(u32), digest: required(bytes) }), MAX_EVENTS)),
};

const TDX = { quote: required(bytes), event_log: required(listOf(structOf(TDX_EVENT), MAX_EVENTS)) };
const GCP_TDX = { ...TDX, tpm_quote: required(structOf(TPM_QUOTE)) };
const SEV_SNP = { report: required(bytes), cert_chain: required(listOf(bytes, MAX_CERTIFICATES)), mr_config: required(text) };

const reportData: FieldSpec<Uint8Array>['read'] = (reader, what) => {
  const value = reader.bytes(what);
  return value.length === REPORT_DATA_BYTES ? value : malformed(`${what} has ${value.length} bytes, not ${REPORT_DATA_BYTES}`);
};
const STACK = {
  report_data: required(reportData),
  runtime_events: required(listOf(structOf(RUNTIME_EVENT), MAX_EVENTS)),
  config: required(text),
};
const POD_STACK = { ...STACK, report_data_payload: required(text) };

const version: FieldSpec<number>['read'] = (reader, what) => {
  const value = reader.uint(what, 0xffff_ffff);
  return value === 1 ? value : malformed(`${what} ${value} is unknown`);
};
/** `data` is remembered by position: it is read after `kind`, whichever of the two came first. */
const TAGGED = { kind: required(text), data: required(position) };
const TOP = { version: required(version), platform: required(position), stack: required(position) };

/**
 * Decodes the V1 (MessagePack) form; bounds are those of `limits.ts` and the reader's.
 * @throws VerificationError ATTESTATION_MALFORMED naming the field.
 */
export function decodeV1(input: Uint8Array): Attestation {
  const reader = new MsgpackReader(input);
  if (reader.isArray()) malformed('attestation is not a map');
  const top = readStruct(reader, 'attestation', TOP);
  reader.end();
  return { wire: 'v1', platform: readPlatform(reader, top.platform), stack: readStack(reader, top.stack) };
}

/** Reads the tag at `at` and leaves the reader at its data. */
function readKind(reader: MsgpackReader, at: number, what: string): string {
  reader.seek(at);
  const { kind, data } = readStruct(reader, what, TAGGED);
  reader.seek(data);
  return kind;
}

function readPlatform(reader: MsgpackReader, at: number): PlatformEvidence {
  const kind = readKind(reader, at, 'platform');
  switch (kind) {
    case 'tdx': {
      const data = readStruct(reader, kind, TDX);
      return { kind, quote: data.quote, eventLog: data.event_log.map(tdxEvent) };
    }
    case 'gcp-tdx': {
      const data = readStruct(reader, kind, GCP_TDX);
      return { kind, quote: data.quote, eventLog: data.event_log.map(tdxEvent), tpmQuote: tpmQuote(data.tpm_quote) };
    }
    case 'nitro-enclave':
      return { kind, nsmQuote: readStruct(reader, kind, { nsm_quote: required(bytes) }).nsm_quote };
    case 'aws-nitro-tpm':
      return { kind, attestationDoc: readStruct(reader, kind, { attestation_doc: required(bytes) }).attestation_doc };
    case 'sev-snp': {
      const data = readStruct(reader, kind, SEV_SNP);
      return { kind, report: data.report, certChain: data.cert_chain, mrConfig: data.mr_config };
    }
    default:
      return malformed('platform.kind is unknown');
  }
}

function readStack(reader: MsgpackReader, at: number): StackEvidence {
  const kind = readKind(reader, at, 'stack');
  if (kind === 'dstack') {
    const data = readStruct(reader, kind, STACK);
    return { kind, reportData: data.report_data, runtimeEvents: data.runtime_events, config: data.config, reportDataPayload: null };
  }
  if (kind !== 'dstack-pod') return malformed('stack.kind is unknown');
  const data = readStruct(reader, kind, POD_STACK);
  return {
    kind,
    reportData: data.report_data,
    runtimeEvents: data.runtime_events,
    config: data.config,
    reportDataPayload: data.report_data_payload,
  };
}

type WireEvent = ReturnType<ReturnType<typeof structOf<typeof TDX_EVENT>>>;
type WireTpmQuote = ReturnType<ReturnType<typeof structOf<typeof TPM_QUOTE>>>;

function tdxEvent(event: WireEvent) {
  return {
    imr: event.imr,
    eventType: event.event_type,
    digest: event.digest,
    event: event.event,
    eventPayload: event.event_payload,
    version: event.version,
    preimage: event.preimage,
  };
}

function tpmQuote(quote: WireTpmQuote): TpmQuote {
  return {
    message: quote.message,
    signature: quote.signature,
    pcrValues: quote.pcr_values,
    akCert: quote.ak_cert,
    platform: quote.platform,
    eventLog: quote.event_log.map((event) => ({ pcrIndex: event.pcr_index, digest: event.digest })),
  };
}
