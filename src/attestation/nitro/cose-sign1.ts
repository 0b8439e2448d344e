import { cborArray, cborBytes, cborText } from './cbor-write.js';
import { type CborMap, type CborValue, decodeCbor, malformedDocument } from './cbor.js';

/**
 * A whole document. An NSM answers with at most 12 288 bytes (spec/attestation.md section 1.6); the room
 * above that is for documents whose byte fields are arrays of integers, two bytes each.
 */
const MAX_DOCUMENT_BYTES = 65_536;

const COSE_SIGN1_TAG = 18;

/** A COSE_Sign1 structure (RFC 9052 section 4.2), split but not verified. */
export interface CoseSign1 {
  /** Exactly as received: it is signed. */
  readonly protectedBytes: Uint8Array;
  readonly protectedHeader: CborMap;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * Splits a COSE_Sign1, tagged 18 or untagged, of at most 64 KiB. The unprotected header, which nothing signs, must be
 * the empty map an NSM writes, so that no byte of a document can be another without being noticed.
 * @throws VerificationError NSM_DOCUMENT_MALFORMED
 */
export function splitCoseSign1(document: Uint8Array): CoseSign1 {
  if (document.length > MAX_DOCUMENT_BYTES) malformedDocument(`${document.length} bytes, at most ${MAX_DOCUMENT_BYTES}`);
  const parts = untagged(decodeCbor(document));
  if (!Array.isArray(parts) || parts.length !== 4) return malformedDocument('not a COSE_Sign1 array of 4');
  const [protectedBytes, unprotected, payload, signature] = parts as readonly CborValue[];
  if (!(protectedBytes instanceof Uint8Array)) return malformedDocument('protected header is not a byte string');
  if (!isMap(unprotected) || unprotected.entries.size > 0) return malformedDocument('unprotected header is not an empty map');
  if (!(payload instanceof Uint8Array)) return malformedDocument('payload is not a byte string');
  if (!(signature instanceof Uint8Array)) return malformedDocument('signature is not a byte string');
  return { protectedBytes, protectedHeader: parseProtected(protectedBytes), payload, signature };
}

/** What the signature is over: the Sig_structure of RFC 9052 section 4.4 with no external data. */
export function sigStructure(sign1: CoseSign1): Uint8Array {
  return cborArray([cborText('Signature1'), cborBytes(sign1.protectedBytes), cborBytes(new Uint8Array()), cborBytes(sign1.payload)]);
}

/** True for a map node, which a plain type guard over the union cannot tell from the other objects. */
export function isMap(value: CborValue | undefined): value is CborMap {
  return typeof value === 'object' && 'kind' in value && value.kind === 'map';
}

function untagged(value: CborValue): CborValue {
  if (typeof value !== 'object' || !('kind' in value) || value.kind !== 'tag') return value;
  return value.tag === COSE_SIGN1_TAG ? value.value : malformedDocument(`tag ${value.tag} is not COSE_Sign1`);
}

function parseProtected(bytes: Uint8Array): CborMap {
  const header = decodeCbor(bytes);
  if (!isMap(header)) return malformedDocument('protected header is not a map');
  for (const key of header.entries.keys()) if (typeof key !== 'number') malformedDocument('protected header has a text key');
  return header;
}
