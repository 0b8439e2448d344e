import { parseCollateralJson } from '../../src/attestation/dcap/collateral-format.js';
import { parseQeIdentity } from '../../src/attestation/dcap/qe-identity.js';
import { parseTcbInfo } from '../../src/attestation/dcap/tcb-info.js';
import { parseRecording, recordingJson } from '../../src/attestation/recording.js';
import { mutateJson } from '../engine/codec-mutator.js';
import { anyOf, textOf } from '../engine/properties.js';
import { check, type Target } from '../engine/target.js';

const refusals = new Set(['COLLATERAL_ANSWER_INVALID', 'TCB_INFO_MALFORMED', 'QE_IDENTITY_MALFORMED']);

/** Collateral of Intel's quotes: the whole, the two signed documents in it, and recorded answers of collateral services. */
export const target: Target = {
  maxLength: 1 << 16,
  refusals,
  dictionary: ['"UpToDate"', '"Revoked"', '"2025-01-01T00:00:00Z"', '"tcbLevels":[]', '"id":"TDX"', '1e400', '-0'].map((text) => Buffer.from(text)),
  mutators: [mutateJson],
  run: (input) => {
    const text = textOf(input);
    anyOf(refusals, [
      () => void parseCollateralJson(text),
      () => void parseTcbInfo(text),
      () => void parseQeIdentity(text),
      () => {
        const written = recordingJson(parseRecording(text));
        check(recordingJson(parseRecording(written)) === written, 'the recording stays the same');
      },
    ]);
  },
};
