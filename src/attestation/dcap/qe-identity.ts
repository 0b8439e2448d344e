import { JsonFields } from './json-fields.js';
import { parseIsvLevels } from './tcb-info.js';
import type { IsvTcbLevel } from './tcb-info.js';

/** What Intel expects of a quoting enclave (spec/attestation.md section 6.5). */
export interface QeIdentity {
  readonly id: string;
  readonly version: number;
  /** Unix seconds. */
  readonly issueDate: number;
  readonly nextUpdate: number;
  /** As of `TcbInfo`. */
  readonly tcbEvaluationDataNumber: number;
  /** Of the four hex bytes read as a little-endian number, the form the report has. */
  readonly miscSelect: number;
  readonly miscSelectMask: number;
  /** 16 bytes each. */
  readonly attributes: Uint8Array;
  readonly attributesMask: Uint8Array;
  /** 32 bytes. */
  readonly mrSigner: Uint8Array;
  readonly isvProdId: number;
  /** In the order published; the first one met counts. */
  readonly tcbLevels: readonly IsvTcbLevel[];
}

/**
 * Reads the signed text; unknown fields are ignored, an unknown TCB status is an error.
 * @throws VerificationError QE_IDENTITY_MALFORMED
 */
export function parseQeIdentity(text: string): QeIdentity {
  const fields = JsonFields.parse(text, 'enclaveIdentity', 'QE_IDENTITY_MALFORMED');
  return {
    id: fields.string('id'),
    version: fields.integer('version', 0xff),
    issueDate: fields.time('issueDate'),
    nextUpdate: fields.time('nextUpdate'),
    tcbEvaluationDataNumber: fields.integer('tcbEvaluationDataNumber', 0xffff_ffff),
    miscSelect: littleEndian(fields.hex('miscselect', 4)),
    miscSelectMask: littleEndian(fields.hex('miscselectMask', 4)),
    attributes: fields.hex('attributes', 16),
    attributesMask: fields.hex('attributesMask', 16),
    mrSigner: fields.hex('mrsigner', 32),
    isvProdId: fields.integer('isvprodid', 0xffff),
    tcbLevels: parseIsvLevels(fields),
  };
}

function littleEndian(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
}
