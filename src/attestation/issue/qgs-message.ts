import { EvidenceSourceError } from '../../errors/evidence-source-error.js';

const HEADER_BYTES = 16;
const REPORT_BYTES = 1024;
const MIN_QUOTE_BYTES = 1020;
const GET_QUOTE_REQUEST = 0;
const GET_QUOTE_RESPONSE = 1;

/**
 * The request for a quote over a TDREPORT of 1024 bytes: 1048 bytes, little-endian, with an empty id list
 * (spec/attestation.md section 1.3).
 */
export function encodeQuoteRequest(tdReport: Uint8Array): Uint8Array {
  if (tdReport.length !== REPORT_BYTES) throw new TypeError(`tdReport must be ${REPORT_BYTES} bytes, not ${tdReport.length}`);
  const message = Buffer.alloc(HEADER_BYTES + 8 + REPORT_BYTES);
  message.writeUInt16LE(1, 0);
  message.writeUInt32LE(GET_QUOTE_REQUEST, 4);
  message.writeUInt32LE(message.length, 8);
  message.writeUInt32LE(REPORT_BYTES, HEADER_BYTES);
  message.set(tdReport, HEADER_BYTES + 8);
  return message;
}

/**
 * The quote of the service's answer, at least 1020 bytes, not verified.
 * @throws EvidenceSourceError DEVICE_FAILED, with the service's error code where it gave one
 */
export function decodeQuoteResponse(message: Uint8Array): Uint8Array {
  const at = HEADER_BYTES + 8;
  if (message.length < at) throw failed(`an answer of ${message.length} bytes`);
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  if (view.getUint32(4, true) !== GET_QUOTE_RESPONSE) throw failed(`a message of type ${view.getUint32(4, true)}`);
  const errorCode = view.getUint32(12, true);
  if (errorCode !== 0) throw failed(`error 0x${errorCode.toString(16)}`);
  const start = at + view.getUint32(HEADER_BYTES, true);
  const length = view.getUint32(HEADER_BYTES + 4, true);
  if (length < MIN_QUOTE_BYTES || start + length > message.length) throw failed(`a quote of ${length} bytes in an answer of ${message.length}`);
  return message.slice(start, start + length);
}

function failed(what: string): EvidenceSourceError {
  return new EvidenceSourceError('DEVICE_FAILED', `the quote generation service gave ${what}`);
}

/**
 * The vsock port of `/etc/tdx-attest.conf`: the first line `port = <decimal u32>`; comments begin with `#`.
 * 0 means that none is configured.
 */
export function parseQgsPort(config: string): number {
  for (const line of config.split('\n')) {
    const digits = /^port *= *([0-9]{1,10})$/.exec(line.trim())?.[1];
    if (digits !== undefined && Number(digits) <= 0xffff_ffff) return Number(digits);
  }
  return 0;
}
