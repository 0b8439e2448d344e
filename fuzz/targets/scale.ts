import type { Attestation } from '../../src/attestation/evidence/attestation.js';
import { decodeV0, encodeV0 } from '../../src/attestation/wire/v0.js';
import { throughCodec } from '../engine/codec-mutator.js';
import { sameBytes } from '../engine/properties.js';
import { check, type Target } from '../engine/target.js';

/** Versioned attestations V0. SCALE has one encoding of every value, so what is accepted is what the encoder writes. */
export const target: Target = {
  maxLength: 1 << 16,
  refusals: new Set(['ATTESTATION_MALFORMED']),
  dictionary: [Uint8Array.of(0, 0), Uint8Array.of(2, 0, 0, 1), Uint8Array.of(3, 255, 255, 255, 255), Uint8Array.of(0xfe, 0xff, 0xff, 0xff)],
  mutators: [throughCodec(decodeV0, (tree) => encodeV0(tree as Attestation))],
  run: (input) => check(sameBytes(encodeV0(decodeV0(input)), input), 'an accepted V0 attestation encodes to the bytes it came in'),
};
