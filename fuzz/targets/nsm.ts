import { decode, encode, Tagged } from 'cborg';
import { cborArray, cborBytes, cborMap } from '../../src/attestation/nitro/cbor-write.js';
import { splitCoseSign1 } from '../../src/attestation/nitro/cose-sign1.js';
import { parseNsmDocument } from '../../src/attestation/nitro/document.js';
import { throughCodec } from '../engine/codec-mutator.js';
import { checkBounded, sameBytes } from '../engine/properties.js';
import { check, type Target } from '../engine/target.js';
import { mutateTree, type Tree } from '../engine/tree.js';

const CBOR = { useMaps: true, tags: Tagged.preserve(18) };

/** A COSE_Sign1 whose payload is changed inside. */
const mutatePayload: Target['mutators'][number] = (input, random) => {
  try {
    const parts: unknown = decode(input, CBOR);
    const list: readonly Tree[] = Array.isArray(parts) ? parts : [];
    const payload: unknown = list[2];
    if (!(payload instanceof Uint8Array)) return null;
    return encode([list[0], list[1], encode(mutateTree(decode(payload, CBOR), random)), list[3]]);
  } catch {
    return null;
  }
};

/** NSM documents: COSE_Sign1 of CBOR. What is signed must survive being taken apart and put together again. */
export const target: Target = {
  maxLength: 20_000,
  refusals: new Set(['NSM_DOCUMENT_MALFORMED']),
  dictionary: [[0xd2, 0x84], [0x9f], [0xbf], [0xff], [0x5f], [0x7f], [0xf6], [0xf7], [0xfb], [0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]].map((bytes) => Uint8Array.from(bytes)),
  mutators: [mutatePayload, throughCodec((input) => decode(input, CBOR), (tree) => encode(tree))],
  run: (input) => {
    const { protectedBytes, payload, signature } = splitCoseSign1(input);
    const again = splitCoseSign1(cborArray([cborBytes(protectedBytes), cborMap([]), cborBytes(payload), cborBytes(signature)]));
    check(sameBytes(again.payload, payload) && sameBytes(again.protectedBytes, protectedBytes) && sameBytes(again.signature, signature), 'the parts stay the same');
    const { certificate, cabundle, pcrs, publicKey, userData, nonce } = parseNsmDocument(input);
    checkBounded([certificate, ...cabundle, ...pcrs.values(), ...[publicKey, userData, nonce].filter((field) => field !== null)], input);
  },
};
