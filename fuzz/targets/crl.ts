import { parseCrl } from '../../src/x509/crl.js';
import { mutateDer } from '../engine/der-mutator.js';
import { check, type Target } from '../engine/target.js';

/** Shortest revoked entry: a sequence of a serial and a date. */
const MIN_ENTRY_BYTES = 18;

/** Certificate revocation lists. */
export const target: Target = {
  maxLength: 1 << 14,
  refusals: new Set(['CRL_MALFORMED']),
  dictionary: [Uint8Array.of(0x30, 0x80), Uint8Array.of(0xa0, 0x84, 0xff, 0xff, 0xff, 0xff), Uint8Array.of(0x17, 0x0d)],
  mutators: [mutateDer],
  run: (input) => {
    const { revokedSerials, tbs } = parseCrl(input);
    check(revokedSerials.size * MIN_ENTRY_BYTES <= tbs.length, 'every serial has an entry of its own');
  },
};
