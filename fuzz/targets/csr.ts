import { CSR_CONFIRM, type CertificateRequest, decodeCsr, encodeCsrV2 } from '../../src/x509/csr.js';
import { throughCodec } from '../engine/codec-mutator.js';
import { anyOf, sameBytes } from '../engine/properties.js';
import { check, type Target } from '../engine/target.js';

const refusals = new Set(['INVALID_ARGUMENT']);

/** Certificate requests: the same bytes as version 1 and 2. Of version 2, which has one encoding, the bytes come back. */
export const target: Target = {
  maxLength: 1 << 14,
  refusals,
  dictionary: [Buffer.from(CSR_CONFIRM), Uint8Array.of(CSR_CONFIRM.length << 2), Uint8Array.of(1, 0), Uint8Array.of(0xfd, 0xff), Uint8Array.of(3, 255, 255, 255, 255)],
  mutators: [throughCodec((input) => decodeCsr(input, 2), (tree) => encode(tree as CertificateRequest))],
  run: (input) =>
    anyOf(refusals, [
      () => void decodeCsr(input, 1),
      () => {
        const request = decodeCsr(input, 2);
        if (request.confirm === CSR_CONFIRM) check(sameBytes(encode(request), input), 'an accepted request encodes to the bytes it came in');
      },
    ]),
};

function encode({ spki, config, evidence }: CertificateRequest): Uint8Array {
  return encodeCsrV2(spki, config, evidence.version === 2 ? evidence.attestation : evidence.quote);
}
