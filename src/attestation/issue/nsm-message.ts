import { EvidenceSourceError } from '../../errors/evidence-source-error.js';
import type { NsmRequest } from '../evidence/evidence-source.js';
import { cborBytes, cborMap, cborNull, cborText, cborUint } from '../nitro/cbor-write.js';
import { decodeCbor, type CborValue } from '../nitro/cbor.js';
import { isMap } from '../nitro/cose-sign1.js';

/** The requests of the NSM device (aws-nitro-enclaves-nsm-api; spec/attestation.md section 1.6). */
export type NsmCommand =
  | { readonly kind: 'DescribeNSM' | 'GetRandom' }
  | { readonly kind: 'DescribePCR' | 'LockPCR'; readonly index: number }
  | { readonly kind: 'ExtendPCR'; readonly index: number; readonly data: Uint8Array }
  | { readonly kind: 'LockPCRs'; readonly range: number }
  | ({ readonly kind: 'Attestation' } & NsmRequest);

const ERROR_NAMES: ReadonlySet<string> = new Set([
  'Success',
  'InvalidArgument',
  'InvalidIndex',
  'InvalidResponse',
  'ReadOnlyIndex',
  'InvalidOperation',
  'BufferTooSmall',
  'InputTooLarge',
  'InternalError',
]);

/**
 * The CBOR bytes of a request: an externally tagged enum with definite, shortest lengths and fields in the order
 * of the device's own structs, which sorting encoders would change.
 */
export function encodeNsmCommand(command: NsmCommand): Uint8Array {
  switch (command.kind) {
    case 'DescribeNSM':
    case 'GetRandom':
      return cborText(command.kind);
    case 'DescribePCR':
    case 'LockPCR':
      return tagged(command.kind, [['index', cborUint(command.index)]]);
    case 'ExtendPCR':
      return tagged(command.kind, [
        ['index', cborUint(command.index)],
        ['data', cborBytes(command.data)],
      ]);
    case 'LockPCRs':
      return tagged(command.kind, [['range', cborUint(command.range)]]);
    case 'Attestation':
      return tagged(command.kind, [
        ['user_data', optionalBytes(command.userData)],
        ['nonce', optionalBytes(command.nonce)],
        ['public_key', optionalBytes(command.publicKey)],
      ]);
  }
}

/**
 * The attestation document of the device's answer, not verified.
 * @throws EvidenceSourceError DEVICE_FAILED, with the device's own error name where it gave one
 */
export function decodeAttestationAnswer(answer: Uint8Array): Uint8Array {
  const map = parse(answer);
  if (isMap(map) && map.entries.size === 1) {
    const attestation = map.entries.get('Attestation');
    const document = isMap(attestation) ? attestation.entries.get('document') : null;
    if (document instanceof Uint8Array && document.length > 0) return document.slice();
    const error = map.entries.get('Error');
    if (typeof error === 'string' && ERROR_NAMES.has(error)) throw new EvidenceSourceError('DEVICE_FAILED', `the NSM refused: ${error}`);
  }
  throw new EvidenceSourceError('DEVICE_FAILED', 'the NSM gave an answer of unknown form');
}

function parse(answer: Uint8Array): CborValue {
  try {
    return decodeCbor(answer);
  } catch (cause) {
    throw new EvidenceSourceError('DEVICE_FAILED', 'the NSM gave an answer that is not CBOR', { cause });
  }
}

/** An enum case with fields, as serde writes it: a map of one pair. */
function tagged(kind: string, fields: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  return cborMap([[cborText(kind), cborMap(fields.map(([name, value]) => [cborText(name), value]))]]);
}

function optionalBytes(value: Uint8Array | null): Uint8Array {
  return value === null ? cborNull() : cborBytes(value);
}
