import { readdirSync } from 'node:fs';
import { decode as decodeMsgpack, encode as encodeMsgpack } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatEventLog, parseEventLog } from '../../../src/attestation/event-log/tdx-event-json.js';
import { asTdxEvent } from '../../../src/attestation/event-log/runtime-event.js';
import type { Attestation, RuntimeEvent } from '../../../src/attestation/evidence/attestation.js';
import { decodeAttestation, encodeAttestation, wireFor } from '../../../src/attestation/wire/decode.js';
import { stripForCertificate, stripForQuoteAnswer } from '../../../src/attestation/wire/strip.js';
import { VerificationError } from '../../../src/errors/verification-error.js';
import { hex, unhex, vector, vectorJson } from '../vectors.js';

const malformed = expect.objectContaining({ name: 'VerificationError', code: 'ATTESTATION_MALFORMED' });
const { vectors } = vectorJson<{ vectors: Record<string, string> }>('wire-attestation.json');
const evidence = readdirSync(new URL('../../vectors/evidence/', import.meta.url)).filter((name) => name.endsWith('.bin'));

describe('byte-exact both ways', () => {
  it.each(Object.entries(vectors))('worked example %s', (name, text) => {
    const attestation = decodeAttestation(unhex(text));
    expect(attestation.wire).toBe(name.startsWith('V0') ? 'v0' : 'v1');
    expect(hex(encodeAttestation(attestation))).toBe(text);
  });

  it.each([...evidence.map((name) => `evidence/${name}`), 'guest-agent/attestation.bin', 'nitro/versioned-v0-app.bin', 'nitro/versioned-v0-2.bin'])(
    'recorded %s',
    (file) => {
      const bytes = vector(file);
      expect(hex(encodeAttestation(decodeAttestation(bytes)))).toBe(hex(bytes));
    },
  );

  it('reads what the worked examples say', () => {
    expect(decodeAttestation(unhex(vectors['V0-D'] ?? ''))).toEqual({
      wire: 'v0',
      platform: {
        kind: 'gcp-tdx',
        quote: unhex('ff'),
        eventLog: [],
        tpmQuote: {
          message: unhex('01'),
          signature: unhex('02'),
          pcrValues: [{ index: 14, algorithm: 'sha256', value: unhex('1111') }],
          akCert: unhex('30'),
          platform: 'gcp',
          eventLog: [{ pcrIndex: 2, digest: unhex('22') }],
        },
      },
      stack: { kind: 'dstack', reportData: new Uint8Array(64), runtimeEvents: [], config: '{}', reportDataPayload: null },
    });
    expect(decodeAttestation(unhex(vectors['V1-A'] ?? '')).stack).toEqual({
      kind: 'dstack-pod',
      reportData: new Uint8Array(64).fill(7),
      runtimeEvents: [{ event: 'pod', payload: unhex('cafebabe'), version: 1 }],
      config: '{}',
      reportDataPayload: '{"hello":"world"}',
    });
  });

  it('anything the types allow comes back the same', () => {
    fc.assert(fc.property(arbitraryAttestation, (attestation) => {
      expect(decodeAttestation(encodeAttestation(attestation))).toEqual(attestation);
    }));
  });

  it('V1 agrees with an independent MessagePack implementation', () => {
    fc.assert(fc.property(arbitraryAttestation, (attestation) => {
      const generic = decodeMsgpack(encodeAttestation({ ...attestation, wire: 'v1' })) as { platform: { kind: string }; stack: { data: { config: string; report_data: number[] } } };
      expect(generic.platform.kind).toBe(attestation.platform.kind);
      expect(generic.stack.data.config).toBe(attestation.stack.config);
      expect(generic.stack.data.report_data).toEqual([...attestation.stack.reportData]);
    }));
  });
});

const arbitraryBytes = fc.uint8Array({ maxLength: 300 }).map((bytes) => Uint8Array.from(bytes));
const arbitraryEvents = fc.array(fc.record({ event: fc.string({ unit: 'grapheme' }), payload: arbitraryBytes, version: fc.constantFrom<1 | 2>(1, 2) }), { maxLength: 20 });
const arbitraryAttestation: fc.Arbitrary<Attestation> = fc
  .record({ quote: arbitraryBytes, events: arbitraryEvents, reportData: fc.uint8Array({ minLength: 64, maxLength: 64 }), config: fc.string({ unit: 'grapheme', maxLength: 400 }) })
  .map(({ quote, events, reportData, config }) => ({
    wire: wireFor(events),
    platform: { kind: 'tdx', quote, eventLog: events.map((event) => ({ ...asTdxEvent(event, { withPreimage: true }), digest: quote })) },
    stack: { kind: 'dstack', reportData: Uint8Array.from(reportData), runtimeEvents: events, config, reportDataPayload: null },
  }));

describe('what a reader tolerates (spec/attestation.md section 3.3)', () => {
  const bytes = (n: number) => Array.from({ length: n }, (_, i) => i + 100);
  const stackData = { report_data: bytes(64), runtime_events: [{ event: 'a', payload: Uint8Array.of(1) }], config: '' };
  const stack = { kind: 'dstack', data: stackData };
  const platform = { kind: 'nitro-enclave', data: { nsm_quote: bytes(3) } };
  const expected = decodeAttestation(encodeMsgpack({ version: 1, platform, stack }));

  it.each([
    ['keys in another order', { stack, version: 1, platform }],
    ['data before kind', { version: 1, platform: { data: platform.data, kind: platform.kind }, stack: { data: stackData, kind: 'dstack' } }],
    ['unknown keys', { version: 1, more: [{ deep: [null, 1.5, -7, 'x', Uint8Array.of(1)] }], platform: { ...platform, x: 1 }, stack: { kind: 'dstack', data: { ...stackData, y: {} } } }],
    ['plain byte vectors as bin', { version: 1, platform: { kind: 'nitro-enclave', data: { nsm_quote: Uint8Array.from(bytes(3)) } }, stack }],
    ['bin fields as integer arrays', { version: 1, platform, stack: { kind: 'dstack', data: { ...stackData, runtime_events: [{ event: 'a', payload: [1] }] } } }],
    ['positional structs below the top', { version: 1, platform: ['nitro-enclave', [bytes(3)]], stack: ['dstack', [bytes(64), [['a', Uint8Array.of(1)]], '']] }],
    ['an explicit event version', { version: 1, platform, stack: { kind: 'dstack', data: { ...stackData, runtime_events: [{ event: 'a', payload: [1], version: 1 }] } } }],
  ])('%s', (_, value) => {
    expect(decodeAttestation(encodeMsgpack(value))).toEqual(expected);
  });

  it.each([
    ['another version', { version: 2, platform, stack }],
    ['no version', { platform, stack }],
    ['no stack', { version: 1, platform }],
    ['an unknown platform', { version: 1, platform: { ...platform, kind: 'sgx' }, stack }],
    ['an unknown stack', { version: 1, platform, stack: { ...stack, kind: 'other' } }],
    ['63 bytes of report data', { version: 1, platform, stack: { kind: 'dstack', data: { ...stackData, report_data: bytes(63) } } }],
    ['a byte above 255', { version: 1, platform: { kind: 'nitro-enclave', data: { nsm_quote: [256] } }, stack }],
    ['a negative byte', { version: 1, platform: { kind: 'nitro-enclave', data: { nsm_quote: [-1] } }, stack }],
    ['an unknown event version', { version: 1, platform, stack: { kind: 'dstack', data: { ...stackData, runtime_events: [{ event: 'a', payload: [1], version: 3 }] } } }],
    ['an extra positional element', { version: 1, platform: ['nitro-enclave', [bytes(3), 1]], stack }],
    ['a config that is no text', { version: 1, platform, stack: { kind: 'dstack', data: { ...stackData, config: 7 } } }],
    ['a pod without payload', { version: 1, platform, stack: { kind: 'dstack-pod', data: stackData } }],
    ['a list for the top level', [1, platform, stack]],
  ])('refuses %s', (_, value) => {
    expect(() => decodeAttestation(encodeMsgpack(value))).toThrow(malformed);
  });

  it('refuses a key that repeats', () => {
    const twice = Buffer.concat([unhex('84a776657273696f6e01'), Buffer.from(encodeMsgpack({ version: 1, platform, stack })).subarray(1)]);
    expect(() => decodeAttestation(twice)).toThrow(malformed);
  });

  it('refuses nesting beyond its depth, without recursion', () => {
    const deep = Buffer.concat([unhex('84a178'), Buffer.alloc(100_000, 0x91), unhex('c0')]);
    expect(() => decodeAttestation(deep)).toThrow(malformed);
  });

  it('refuses counts beyond the input before allocating for them', () => {
    for (const head of ['dfffffffff', '81a6706c6174666f726ddfffffffff', '83a776657273696f6e01a8706c6174666f726d92a374647892ddffffffff']) {
      expect(() => decodeAttestation(unhex(head))).toThrow(malformed);
    }
  });
});

describe('framing', () => {
  it.each(['V0-D', 'V1-C'])('%s: nothing decoded shares memory with the input, a Buffer included', (name) => {
    const input = Buffer.from(vectors[name] ?? '', 'hex');
    const attestation = decodeAttestation(input);
    input.fill(0);
    expect(hex(encodeAttestation(attestation))).toBe(vectors[name]);
  });

  it.each([[''], ['01'], ['7f'], ['90'], ['ff'], ['c0']])('refuses %j', (text) => {
    expect(() => decodeAttestation(unhex(text))).toThrow(malformed);
  });

  it('refuses more than 10 MiB', () => {
    expect(() => decodeAttestation(new Uint8Array(10_485_761))).toThrow(malformed);
  });

  it.each(['V0-A', 'V0-C', 'V0-D', 'V1-A', 'V1-C', 'V1-D'])('%s: trailing bytes and every truncation are refused', (name) => {
    const bytes = unhex(vectors[name] ?? '');
    expect(() => decodeAttestation(Buffer.concat([bytes, Uint8Array.of(0)]))).toThrow(malformed);
    for (let end = 0; end < bytes.length; end++) expect(() => decodeAttestation(bytes.subarray(0, end))).toThrow(malformed);
  });

  it('a V0 of an unknown platform is refused', () => {
    expect(() => decodeAttestation(unhex(`0005${'00'.repeat(80)}`))).toThrow(malformed);
  });

  it('survives arbitrary bytes and changed examples', () => {
    const survives = (bytes: Uint8Array): void => {
      try {
        decodeAttestation(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(VerificationError);
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom('', '00', '0000', '83', '83a776657273696f6e01a8706c6174666f726d'), (tail, head) => survives(Buffer.concat([unhex(head), tail]))), { numRuns: 500 });
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(vectors)), fc.nat(), fc.nat(255), (text, at, byte) => {
        const changed = unhex(text);
        changed[at % changed.length] = byte;
        survives(changed);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('stripped forms (spec/attestation.md section 2.6)', () => {
  const stripped = evidence.filter((name) => name.endsWith('.stripped.bin'));

  it.each(stripped)('certificate form %s', (name) => {
    const full = decodeAttestation(vector(`evidence/${name.replace('.stripped', '')}`));
    expect(hex(encodeAttestation(stripForCertificate(full)))).toBe(hex(vector(`evidence/${name}`)));
  });

  it.each(['nitro.bin', 'sev-snp.bin'])('%s has nothing to strip', (name) => {
    const attestation = decodeAttestation(vector(`evidence/${name}`));
    expect(stripForCertificate(attestation)).toEqual(attestation);
  });

  it('keeps the ACPI DATA events of plain TDX and nothing else of the boot', () => {
    const { platform } = stripForCertificate(decodeAttestation(vector('guest-agent/attestation.bin')));
    if (platform.kind !== 'tdx') throw new Error('not TDX');
    const boot = platform.eventLog.filter((event) => event.imr !== 3);
    expect(boot).toHaveLength(3);
    for (const event of boot) expect([event.imr, event.digest.length, Buffer.from(event.eventPayload).toString()]).toEqual([0, 48, 'ACPI DATA']);
    for (const event of platform.eventLog) if (event.imr === 3) expect(event.digest).toHaveLength(0);
  });

  it('GetQuote form keeps every event, and is what the existing agent answers', () => {
    const { platform } = decodeAttestation(vector('guest-agent/attestation.bin'));
    if (platform.kind !== 'tdx') throw new Error('not TDX');
    const log = stripForQuoteAnswer(platform.eventLog);
    expect(log.map((event) => [event.imr, event.event])).toEqual(platform.eventLog.map((event) => [event.imr, event.event]));
    for (const event of log) expect(event.imr === 3 ? event.digest : event.digest.length).toEqual(event.imr === 3 ? new Uint8Array() : 48);
    expect(log.filter((event) => event.imr !== 3 && event.eventPayload.length > 0).map((event) => event.event)).toEqual(
      platform.eventLog.filter((event) => Buffer.from(event.eventPayload).toString() === 'ACPI DATA').map((event) => event.event),
    );
    const recorded = parseEventLog(vectorJson<{ event_log: string }>('guest-agent/getquote-2.json').event_log);
    expect(stripForQuoteAnswer(recorded)).toEqual(recorded);
  });

  it('the recorded stripped attestation is the certificate form of the GetQuote answer of its boot', () => {
    const attestation = decodeAttestation(unhex(vectorJson<{ attestation: string }>('guest-agent/attestation-2.json').attestation));
    const recorded = parseEventLog(vectorJson<{ event_log: string }>('guest-agent/getquote-2.json').event_log);
    if (attestation.platform.kind !== 'tdx') throw new Error('not TDX');
    expect(stripForCertificate({ ...attestation, platform: { ...attestation.platform, eventLog: recorded } })).toEqual(attestation);
  });

  it('GetQuote form of V2 events carries the preimage', () => {
    const event: RuntimeEvent = { event: 'app-id', payload: unhex('deadbeef'), version: 2 };
    const [stripped2] = stripForQuoteAnswer([asTdxEvent(event, { withPreimage: false })]);
    expect(stripped2?.digest).toHaveLength(0);
    expect(Buffer.from(stripped2?.preimage ?? '', 'hex').toString()).toBe('{"name":"app-id","payload":"deadbeef","type":134217729}');
    expect(parseEventLog(formatEventLog(stripped2 ? [stripped2] : []))).toEqual([stripped2]);
  });
});

describe('which form is written', () => {
  const attestation = decodeAttestation(unhex(vectors['V1-C'] ?? ''));

  it('V0 unless an event is V2', () => {
    expect(wireFor([])).toBe('v0');
    expect(wireFor([{ event: '', payload: new Uint8Array(), version: 1 }])).toBe('v0');
    expect(wireFor(attestation.stack.runtimeEvents)).toBe('v1');
  });

  it.each([
    ['V2 events', attestation],
    ['a pod stack', decodeAttestation(unhex(vectors['V1-A'] ?? ''))],
  ])('V0 refuses %s', (_, refused) => {
    expect(() => encodeAttestation({ ...refused, wire: 'v0' })).toThrow(expect.objectContaining({ code: 'ATTESTATION_NOT_ENCODABLE' }));
  });
});
