import { type CborMap, type CborValue, decodeCbor, malformedDocument } from './cbor.js';
import { isMap, splitCoseSign1 } from './cose-sign1.js';

/** The payload of an NSM attestation document (spec/attestation.md section 7). */
export interface NsmDocument {
  readonly moduleId: string;
  /** Name of the PCR hash; SHA384 in every verified document. */
  readonly digest: string;
  /** Unix milliseconds. */
  readonly timestampMs: number;
  /** By index; 48 bytes each, at most 32 of them, in every verified document. */
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
  /** DER. */
  readonly certificate: Uint8Array;
  /** DER, the root first. */
  readonly cabundle: readonly Uint8Array[];
  readonly publicKey: Uint8Array | null;
  readonly userData: Uint8Array | null;
  readonly nonce: Uint8Array | null;
}

/** Certificates below the root; AWS issues four. */
const MAX_CABUNDLE = 32;
/** More than any NSM has (32), so that their number is the verifier's to judge and name. */
const MAX_PCRS = 256;

/**
 * Reads a document without verifying anything: for display and for building one's own evidence.
 * Accepted are tagged and untagged COSE_Sign1, definite and indefinite maps, and byte fields as byte
 * strings or arrays of small integers; unknown keys are ignored, keys that repeat are not.
 * @throws VerificationError NSM_DOCUMENT_MALFORMED naming the field
 */
export function parseNsmDocument(bytes: Uint8Array): NsmDocument {
  return parseNsmPayload(splitCoseSign1(bytes).payload);
}

/** @throws VerificationError NSM_DOCUMENT_MALFORMED naming the field */
export function parseNsmPayload(payload: Uint8Array): NsmDocument {
  const map = decodeCbor(payload);
  if (!isMap(map)) return malformedDocument('payload is not a map');
  return {
    moduleId: textField(map, 'module_id'),
    digest: textField(map, 'digest'),
    timestampMs: uintField(map, 'timestamp'),
    pcrs: pcrsField(map),
    certificate: byteField(map.entries.get('certificate'), 'certificate'),
    cabundle: cabundleField(map),
    publicKey: optionalByteField(map, 'public_key'),
    userData: optionalByteField(map, 'user_data'),
    nonce: optionalByteField(map, 'nonce'),
  };
}

function textField(map: CborMap, name: string): string {
  const value = map.entries.get(name);
  return typeof value === 'string' ? value : malformedDocument(`${name} is not a text`);
}

function uintField(map: CborMap, name: string): number {
  const value = map.entries.get(name);
  return typeof value === 'number' && value >= 0 ? value : malformedDocument(`${name} is not an unsigned integer`);
}

/** A byte string, or an array of integers 0 to 255 as some producers write. */
function byteField(value: CborValue | undefined, name: string): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (!Array.isArray(value)) return malformedDocument(`${name} is not a byte string`);
  return Uint8Array.from(value as readonly CborValue[], (item) =>
    typeof item === 'number' && item >= 0 && item <= 255 ? item : malformedDocument(`${name} has an element that is no byte`),
  );
}

function optionalByteField(map: CborMap, name: string): Uint8Array | null {
  const value = map.entries.get(name);
  if (value === undefined) return null;
  if (typeof value === 'object' && 'kind' in value && value.kind === 'simple' && value.absent) return null;
  return byteField(value, name);
}

function pcrsField(map: CborMap): ReadonlyMap<number, Uint8Array> {
  if (map.entries.has('pcrs') && map.entries.has('nitrotpm_pcrs')) malformedDocument('both pcrs and nitrotpm_pcrs');
  const value = map.entries.get('pcrs') ?? map.entries.get('nitrotpm_pcrs');
  if (!isMap(value)) return malformedDocument('pcrs is not a map');
  if (value.entries.size > MAX_PCRS) malformedDocument(`more than ${MAX_PCRS} PCRs`);
  const pcrs = new Map<number, Uint8Array>();
  for (const [index, pcr] of value.entries) {
    if (typeof index !== 'number' || index < 0) return malformedDocument('PCR index is not an unsigned integer');
    pcrs.set(index, byteField(pcr, `PCR ${index}`));
  }
  return pcrs;
}

function cabundleField(map: CborMap): Uint8Array[] {
  const value = map.entries.get('cabundle');
  if (!Array.isArray(value)) return malformedDocument('cabundle is not an array');
  if (value.length > MAX_CABUNDLE) malformedDocument(`more than ${MAX_CABUNDLE} certificates in cabundle`);
  return (value as readonly CborValue[]).map((item, i) => byteField(item, `cabundle[${i}]`));
}
