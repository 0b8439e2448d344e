import type { Attestation, PlatformEvidence, RuntimeEvent, StackEvidence, TdxEvent, TpmQuote } from '../evidence/attestation.js';
import { MsgpackWriter } from './msgpack-writer.js';

/**
 * Encodes the V1 (MessagePack) form: named maps in declaration order, `kind` before `data`, plain byte
 * vectors as arrays of integers and event bytes as bin (spec/attestation.md section 3.3).
 */
export function encodeV1(attestation: Attestation): Uint8Array {
  const out = new MsgpackWriter().map(3).text('version').uint(1).text('platform');
  writePlatform(out.map(2).text('kind').text(attestation.platform.kind).text('data'), attestation.platform);
  out.text('stack');
  writeStack(out.map(2).text('kind').text(attestation.stack.kind).text('data'), attestation.stack);
  return out.finish();
}

function writePlatform(out: MsgpackWriter, platform: PlatformEvidence): void {
  switch (platform.kind) {
    case 'tdx':
      writeTdxEvents(out.map(2).text('quote').intArray(platform.quote), platform.eventLog);
      return;
    case 'gcp-tdx':
      writeTdxEvents(out.map(3).text('quote').intArray(platform.quote), platform.eventLog);
      writeTpmQuote(out.text('tpm_quote'), platform.tpmQuote);
      return;
    case 'nitro-enclave':
      out.map(1).text('nsm_quote').intArray(platform.nsmQuote);
      return;
    case 'aws-nitro-tpm':
      out.map(1).text('attestation_doc').intArray(platform.attestationDoc);
      return;
    case 'sev-snp':
      out.map(3).text('report').intArray(platform.report).text('cert_chain').array(platform.certChain.length);
      for (const certificate of platform.certChain) out.intArray(certificate);
      out.text('mr_config').text(platform.mrConfig);
  }
}

function writeTdxEvents(out: MsgpackWriter, events: readonly TdxEvent[]): void {
  out.text('event_log').array(events.length);
  for (const event of events) {
    out.map(5 + (event.version === 2 ? 1 : 0) + (event.preimage === null ? 0 : 1));
    out.text('imr').uint(event.imr).text('event_type').uint(event.eventType).text('digest').bin(event.digest);
    out.text('event').text(event.event).text('event_payload').bin(event.eventPayload);
    if (event.version === 2) out.text('version').uint(2);
    if (event.preimage !== null) out.text('preimage').text(event.preimage);
  }
}

function writeTpmQuote(out: MsgpackWriter, quote: TpmQuote): void {
  out.map(6).text('message').bin(quote.message).text('signature').bin(quote.signature);
  out.text('pcr_values').array(quote.pcrValues.length);
  for (const pcr of quote.pcrValues) {
    out.map(3).text('index').uint(pcr.index).text('algorithm').text(pcr.algorithm).text('value').bin(pcr.value);
  }
  out.text('ak_cert').bin(quote.akCert).text('platform').text(quote.platform);
  out.text('event_log').array(quote.eventLog.length);
  for (const event of quote.eventLog) out.map(2).text('pcr_index').uint(event.pcrIndex).text('digest').bin(event.digest);
}

function writeStack(out: MsgpackWriter, stack: StackEvidence): void {
  out.map(stack.reportDataPayload === null ? 3 : 4).text('report_data').intArray(stack.reportData);
  writeRuntimeEvents(out, stack.runtimeEvents);
  out.text('config').text(stack.config);
  if (stack.reportDataPayload !== null) out.text('report_data_payload').text(stack.reportDataPayload);
}

function writeRuntimeEvents(out: MsgpackWriter, events: readonly RuntimeEvent[]): void {
  out.text('runtime_events').array(events.length);
  for (const event of events) {
    out.map(event.version === 2 ? 3 : 2).text('event').text(event.event).text('payload').bin(event.payload);
    if (event.version === 2) out.text('version').uint(2);
  }
}
