import { formatEventLog, parseEventLog } from '../../src/attestation/event-log/tdx-event-json.js';
import { formatRuntimeLogLine, parseRuntimeLog } from '../../src/attestation/event-log/runtime-log.js';
import { mutateJson } from '../engine/codec-mutator.js';
import { anyOf, textOf } from '../engine/properties.js';
import { check, type Target } from '../engine/target.js';

const refusals = new Set(['EVENT_LOG_MALFORMED']);

/** Lines of the run-time event log, and event logs in the JSON form of GetQuote. */
export const target: Target = {
  maxLength: 1 << 14,
  refusals,
  dictionary: ['"version":2', '"preimage":null', '"payload":"AA=="', '\n', '[]', '{}'].map((text) => Buffer.from(text)),
  mutators: [mutateJson],
  run: (input) => {
    const text = textOf(input);
    anyOf(refusals, [
      () => {
        const written = parseRuntimeLog(text).map(formatRuntimeLogLine).join('');
        check(parseRuntimeLog(written).map(formatRuntimeLogLine).join('') === written, 'the lines stay the same');
      },
      () => {
        const written = formatEventLog(parseEventLog(text));
        check(formatEventLog(parseEventLog(written)) === written, 'the log stays the same');
      },
    ]);
  },
};
