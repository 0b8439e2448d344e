import { parsePckExtension, PCK_EXTENSION_OID } from '../../src/attestation/tdx/pck-extension.js';
import { parseQuote } from '../../src/attestation/tdx/quote.js';
import { parseCertificate } from '../../src/x509/certificate.js';
import { parsePemChain } from '../../src/x509/pem.js';
import { sameBytes } from '../engine/properties.js';
import { check, type Target } from '../engine/target.js';

const PEM_CHAIN = 5;
const MAX_CHAIN = 8;

/** Quotes of version 3, 4 and 5 with their authentication data, and the certificates these carry. */
export const target: Target = {
  maxLength: 1 << 14,
  refusals: new Set([
    'QUOTE_MALFORMED', 'QUOTE_VERSION_UNSUPPORTED', 'QUOTE_TEE_TYPE_UNSUPPORTED', 'PCK_EXTENSION_MALFORMED',
    'CERTIFICATE_MALFORMED', 'CERTIFICATE_VERSION_UNSUPPORTED', 'EXTENSION_DUPLICATE',
  ]),
  dictionary: [Uint8Array.of(3, 0, 2, 0), Uint8Array.of(4, 0, 2, 0), Uint8Array.of(5, 0, 2, 0), Uint8Array.of(0x81, 0, 0, 0), Uint8Array.of(6, 0), Uint8Array.of(5, 0), Uint8Array.of(3, 0, 0x88, 2, 0, 0)],
  mutators: [],
  run: (input) => {
    const { signedRegion, auth } = parseQuote(input);
    check(sameBytes(signedRegion, input.subarray(0, signedRegion.length)), 'what is signed is where the quote begins');
    const { type, data } = auth.certification;
    check(signedRegion.length + auth.endorsement.length <= input.length && data.length <= auth.endorsement.length, 'the parts lie within the quote');
    if (type !== PEM_CHAIN) return;
    for (const der of parsePemChain(Buffer.from(data).toString('latin1'), MAX_CHAIN)) {
      const extension = parseCertificate(der).extensions.get(PCK_EXTENSION_OID);
      if (extension !== undefined) parsePckExtension(extension.value);
    }
  },
};
