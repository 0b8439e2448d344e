import type { NsmRequest } from '../evidence/evidence-source.js';
import { cborBytes, cborMap, cborNull, cborText, cborUint } from '../nitro/cbor-write.js';

/** The requests of the NSM device (aws-nitro-enclaves-nsm-api; spec/attestation.md section 1.6). */
export type NsmCommand =
  | { readonly kind: 'DescribeNSM' | 'GetRandom' }
  | { readonly kind: 'DescribePCR' | 'LockPCR'; readonly index: number }
  | { readonly kind: 'ExtendPCR'; readonly index: number; readonly data: Uint8Array }
  | { readonly kind: 'LockPCRs'; readonly range: number }
  | ({ readonly kind: 'Attestation' } & NsmRequest);

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

/** An enum case with fields, as serde writes it: a map of one pair. */
function tagged(kind: string, fields: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  return cborMap([[cborText(kind), cborMap(fields.map(([name, value]) => [cborText(name), value]))]]);
}

function optionalBytes(value: Uint8Array | null): Uint8Array {
  return value === null ? cborNull() : cborBytes(value);
}
