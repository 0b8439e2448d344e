import { decode, encode } from '@msgpack/msgpack';
import { decodeV1 } from '../../src/attestation/wire/v1-read.js';
import { encodeV1 } from '../../src/attestation/wire/v1-write.js';
import { throughCodec } from '../engine/codec-mutator.js';
import { sameBytes } from '../engine/properties.js';
import { check, type Target } from '../engine/target.js';

/** Versioned attestations V1. Integers and lengths may come wider than need be, so the encoder's form is the stable one. */
export const target: Target = {
  maxLength: 1 << 16,
  refusals: new Set(['ATTESTATION_MALFORMED']),
  dictionary: [0x80, 0x90, 0xc0, 0xc4, 0xc6, 0xca, 0xcf, 0xd9, 0xdb, 0xdd, 0xdf].map((marker) => Uint8Array.of(marker, 0xff, 0xff, 0xff, 0xff)),
  mutators: [throughCodec((input) => decode(input), (tree) => encode(tree))],
  run: (input) => {
    const once = encodeV1(decodeV1(input));
    check(sameBytes(encodeV1(decodeV1(once)), once), 'encoding is stable after one decoding');
  },
};
