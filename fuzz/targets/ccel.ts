import { parseCcel } from '../../src/attestation/event-log/ccel.js';
import { formatEventLog, parseEventLog } from '../../src/attestation/event-log/tdx-event-json.js';
import { checkBounded } from '../engine/properties.js';
import { check, type Target } from '../engine/target.js';

/** ACPI CCEL tables; what is read from one also has to survive its JSON form. */
export const target: Target = {
  maxLength: 1 << 16,
  refusals: new Set(['EVENT_LOG_MALFORMED']),
  dictionary: [Uint8Array.of(0xff, 0xff, 0xff, 0xff), Uint8Array.of(1, 0, 0, 0, 0x0c, 0), Uint8Array.of(10, 0, 0, 0)],
  mutators: [],
  run: (input) => {
    const events = parseCcel(input);
    checkBounded(events.flatMap(({ digest, eventPayload }) => [digest, eventPayload]), input);
    const json = formatEventLog(events);
    check(formatEventLog(parseEventLog(json)) === json, 'events survive their JSON form');
  },
};
