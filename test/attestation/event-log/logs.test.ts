import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { claim, claims } from '../../../src/attestation/event-log/boundary.js';
import { parseCcel } from '../../../src/attestation/event-log/ccel.js';
import { replayRtmr } from '../../../src/attestation/event-log/replay.js';
import { eventDigest } from '../../../src/attestation/event-log/runtime-event.js';
import { formatRuntimeLogLine, parseRuntimeLog } from '../../../src/attestation/event-log/runtime-log.js';
import { formatEventLog, parseEventLog } from '../../../src/attestation/event-log/tdx-event-json.js';
import type { RuntimeEvent } from '../../../src/attestation/evidence/attestation.js';
import { VerificationError } from '../../../src/errors/verification-error.js';
import { hex, unhex, vector, vectorJson } from '../vectors.js';

const malformed = expect.objectContaining({ name: 'VerificationError', code: 'EVENT_LOG_MALFORMED' });

/** Runs a decoder on hostile input: anything but a value or a typed error fails the test. */
function survives(decode: () => unknown): void {
  try {
    decode();
  } catch (error) {
    expect(error).toBeInstanceOf(VerificationError);
  }
}

describe('ACPI CCEL', () => {
  const table = vector('eventlog/ccel.bin');

  it('replays to the recorded boot registers', () => {
    const events = parseCcel(table);
    expect(events).toHaveLength(18);
    expect(hex(replayRtmr(events, 0))).toBe('274c2344116db7c663470693b5ba62b8621eac28cb41d2f816ddf188f9f423f900a1c44d32386fd3c993dc814e62af9d');
    expect(hex(replayRtmr(events, 1))).toBe('bdcf4ee0f7fdfe7c73fbb19ded73193aee23a6726b86d3b282ea097cf4c9ed7a0db21b5c1ccd513e410d90e310836b26');
  });

  it('labels the ACPI DATA events in order', () => {
    expect(parseCcel(table).flatMap((event) => (event.event === '' ? [] : [event.event]))).toEqual(['acpi-loader', 'acpi-rsdp', 'acpi-tables']);
  });

  it('needs its terminator', () => {
    const end = table.findIndex((_, i) => i > 100 && table.subarray(i, i + 16).every((byte) => byte === 0xff));
    expect(end).toBeGreaterThan(0);
    expect(() => parseCcel(table.subarray(0, end))).toThrow(malformed);
  });

  it('refuses a count beyond the bounds', () => {
    const changed = table.slice();
    const size = new DataView(changed.buffer).getUint32(28, true);
    new DataView(changed.buffer).setUint32(32 + size + 8, 65_537, true);
    expect(() => parseCcel(changed)).toThrow(malformed);
  });

  it('survives any change of a byte and any truncation', () => {
    fc.assert(
      fc.property(fc.nat(4000), fc.nat(255), fc.nat(4000), (at, byte, end) => {
        const changed = table.slice();
        changed[at] = byte;
        survives(() => parseCcel(changed));
        survives(() => parseCcel(changed.subarray(0, end)));
      }),
    );
  });
});

describe('event log JSON', () => {
  it.each(['guest-agent/getquote-1.json', 'guest-agent/getquote-2.json'])('reads and rewrites %s byte for byte', (file) => {
    const { event_log: log } = vectorJson<{ event_log: string }>(file);
    expect(formatEventLog(parseEventLog(log))).toBe(log);
  });

  it('has the documented shape, with version and preimage only where they mean something', () => {
    const v1 = '{"imr":3,"event_type":134217729,"digest":"","event":"app-id","event_payload":"deadbeef"}';
    const v2 = '{"imr":3,"event_type":134217729,"digest":"","event":"app-id","event_payload":"deadbeef","version":2,"preimage":"7b7d"}';
    expect(formatEventLog(parseEventLog(`[${v1},${v2}]`))).toBe(`[${v1},${v2}]`);
  });

  it('fills in what may be missing and ignores what it does not know', () => {
    const [event] = parseEventLog('[{"imr":0,"event_type":1,"event":"","event_payload":"AB","more":[]}]');
    expect(event).toEqual({ imr: 0, eventType: 1, digest: new Uint8Array(), event: '', eventPayload: unhex('ab'), version: 1, preimage: null });
  });

  it.each([
    'null',
    '{}',
    '[1]',
    '[',
    '[{"event_type":1,"event":"","event_payload":""}]',
    '[{"imr":-1,"event_type":1,"event":"","event_payload":""}]',
    '[{"imr":4294967296,"event_type":1,"event":"","event_payload":""}]',
    '[{"imr":0,"event_type":1,"event_payload":""}]',
    '[{"imr":0,"event_type":1,"event":""}]',
    '[{"imr":0,"event_type":1,"event":"","event_payload":"0"}]',
    '[{"imr":0,"event_type":1,"event":"","event_payload":"zz"}]',
    '[{"imr":0,"event_type":1,"event":"","event_payload":"","version":3}]',
    '[{"imr":0,"event_type":1,"event":"\\ud800","event_payload":""}]',
  ])('refuses %s', (json) => {
    expect(() => parseEventLog(json)).toThrow(malformed);
  });

  it('survives any JSON', () => {
    fc.assert(fc.property(fc.json(), (json) => survives(() => parseEventLog(json))));
    fc.assert(fc.property(fc.array(fc.record({ imr: fc.nat(4), event_type: fc.nat(), event: fc.string(), event_payload: fc.string() }, { requiredKeys: [] })), (log) => survives(() => parseEventLog(JSON.stringify(log)))));
  });
});

describe('run-time log file', () => {
  it('writes payloads in base64 and the version only for V2', () => {
    expect(formatRuntimeLogLine({ event: 'app-id', payload: unhex('deadbeef'), version: 1 })).toBe('{"event":"app-id","payload":"3q2+7w=="}\n');
    expect(formatRuntimeLogLine({ event: 'app-id', payload: unhex(''), version: 2 })).toBe('{"event":"app-id","payload":"","version":2}\n');
  });

  it('reads back what it writes, skipping blank lines', () => {
    const arbitrary = fc.record({
      event: fc.string({ unit: 'grapheme' }),
      payload: fc.uint8Array({ maxLength: 100 }),
      version: fc.constantFrom<1 | 2>(1, 2),
    });
    fc.assert(
      fc.property(fc.array(arbitrary, { maxLength: 5 }), (events) => {
        const text = `\n${events.map(formatRuntimeLogLine).join('\n  \n')}\n`;
        expect(parseRuntimeLog(text)).toEqual(events.map((event) => ({ ...event, payload: Uint8Array.from(event.payload) })));
      }),
    );
  });

  it.each(['{"event":"a"}', '{"payload":""}', '{"event":"a","payload":"deadbee"}', '{"event":"a","payload":"3q2-7w=="}', '{"event":"a","payload":"","version":0}', 'x', '[]'])(
    'one bad line spoils the log: %s',
    (line) => {
      expect(() => parseRuntimeLog(`{"event":"a","payload":""}\n${line}\n`)).toThrow(malformed);
    },
  );
});

describe('claims', () => {
  const event = (name: string, payload: string): RuntimeEvent => ({ event: name, payload: Buffer.from(payload), version: 1 });

  it('are the first of their name, and only before the first system-ready', () => {
    const log = [event('x', ''), event('app-id', 'a'), event('app-id', 'b'), event('system-ready', ''), event('instance-id', 'c'), event('system-ready', '')];
    expect(claim(log, 'app-id')).toEqual(Buffer.from('a'));
    expect(claim(log, 'instance-id')).toHaveLength(0);
    expect(claims(log, 'app-id')).toHaveLength(2);
  });

  it('cannot be hidden by moving the colon that ends a V1 name, which no digest notices', () => {
    const provider = event('key-provider', '{"name":"kms","id":"00"}');
    const relabelled = event('key-provider:{"name"', '"kms","id":"00"}');
    expect(hex(eventDigest(relabelled, 'sha384'))).toBe(hex(eventDigest(provider, 'sha384')));
    expect(claim([relabelled], 'key-provider')).toEqual(Buffer.from(provider.payload));
    expect(claims([event('system-ready:', ''), event('app-id', 'a')], 'app-id')).toEqual([]);
    // A V2 digest covers the name as it is.
    expect(claim([{ ...relabelled, version: 2 }], 'key-provider')).toHaveLength(0);
  });
});
