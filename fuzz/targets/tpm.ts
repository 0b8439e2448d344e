import { generateKeyPairSync } from 'node:crypto';
import { parseTpmLog } from '../../src/attestation/event-log/tpm-log.js';
import { parseTpmAttest } from '../../src/attestation/tpm/attest.js';
import { checkTpmSignature } from '../../src/attestation/tpm/signature.js';
import { anyOf, checkBounded } from '../engine/properties.js';
import { check, type Target } from '../engine/target.js';

const refusals = new Set([
  'TPM_ATTEST_MALFORMED', 'TPM_ATTEST_NOT_A_QUOTE', 'EVENT_LOG_MALFORMED',
  'TPM_SIGNATURE_MALFORMED', 'TPM_SIGNATURE_ALGORITHM_UNSUPPORTED', 'TPM_AK_KEY_UNSUPPORTED', 'TPM_SIGNATURE_INVALID',
]);
const MAX_INDEX = 255;
const keys = [generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey, generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey];

/** TPMS_ATTEST, TPMT_SIGNATURE under keys of both kinds, and firmware logs. */
export const target: Target = {
  maxLength: 1 << 16,
  refusals,
  dictionary: [Uint8Array.of(0xff, 0x54, 0x43, 0x47, 0x80, 0x18), Uint8Array.of(0, 0x14, 0, 0x0b, 1, 0), Uint8Array.of(0, 0x18, 0, 0x0b, 0, 0x20), Uint8Array.of(0xff, 0xff, 0xff, 0xff)],
  mutators: [],
  run: (input) =>
    anyOf(refusals, [
      () => {
        const { extraData, pcrDigest, selections } = parseTpmAttest(input);
        checkBounded([extraData, pcrDigest], input);
        check(selections.every(({ indices }) => indices.every((index) => index >= 0 && index <= MAX_INDEX)), 'PCR indices are within their bitmap');
      },
      ...keys.map((key) => () => checkTpmSignature(key, input.subarray(0, 16), input)),
      () => checkBounded(parseTpmLog(input).map(({ digest }) => digest), input),
    ]),
};
