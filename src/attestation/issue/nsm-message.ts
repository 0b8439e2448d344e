import { EvidenceSourceError } from '../../errors/evidence-source-error.js';
import type { NsmRequest } from '../evidence/evidence-source.js';
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
      return text(command.kind);
    case 'DescribePCR':
    case 'LockPCR':
      return tagged(command.kind, [['index', head(0, command.index)]]);
    case 'ExtendPCR':
      return tagged(command.kind, [
        ['index', head(0, command.index)],
        ['data', bytes(command.data)],
      ]);
    case 'LockPCRs':
      return tagged(command.kind, [['range', head(0, command.range)]]);
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

/** Major type and argument (RFC 8949 section 3), for arguments below 2^16: no request is longer. */
function head(major: number, argument: number): Uint8Array {
  if (argument < 24) return Uint8Array.of((major << 5) | argument);
  if (argument < 0x100) return Uint8Array.of((major << 5) | 24, argument);
  if (argument < 0x1_0000) return Uint8Array.of((major << 5) | 25, argument >> 8, argument & 0xff);
  throw new RangeError(`NSM request: ${argument} is above 65535`);
}

function bytes(value: Uint8Array): Uint8Array {
  return Buffer.concat([head(2, value.length), value]);
}

function optionalBytes(value: Uint8Array | null): Uint8Array {
  return value === null ? Uint8Array.of(0xf6) : bytes(value);
}

function text(value: string): Uint8Array {
  return Buffer.concat([head(3, value.length), Buffer.from(value, 'latin1')]);
}

function tagged(kind: string, fields: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  return Buffer.concat([head(5, 1), text(kind), head(5, fields.length), ...fields.flatMap(([name, value]) => [text(name), value])]);
}
