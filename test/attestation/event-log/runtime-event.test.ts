import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asTdxEvent, eventDigest, eventPreimage } from '../../../src/attestation/event-log/runtime-event.js';
import { replayRtmr, replayRuntimeEvents } from '../../../src/attestation/event-log/replay.js';
import { parseEventLog } from '../../../src/attestation/event-log/tdx-event-json.js';
import type { RuntimeEvent } from '../../../src/attestation/evidence/attestation.js';
import { parseQuote } from '../../../src/attestation/tdx/quote.js';
import { hex, unhex, vectorJson } from '../vectors.js';

const event = (name: string, payload: string, version: 1 | 2): RuntimeEvent => ({ event: name, payload: unhex(payload), version });
const V1 = event('app-id', 'deadbeef', 1);
const V2 = event('app-id', 'deadbeef', 2);

describe('run-time event digests (spec/attestation.md section 2.3)', () => {
  it('V1: type, name and payload joined by colons', () => {
    expect(hex(eventPreimage(V1))).toBe('010000083a6170702d69643adeadbeef');
    expect(hex(eventDigest(V1, 'sha384'))).toBe('67b4be4efed0893cfa2bb1d35dca209ad8348b4c97f980807bcde8b9a0f26398dd0923d6eccb5aa2096d98046da8740f');
    expect(hex(eventDigest(V1, 'sha256'))).toBe('1e37acb63ad67dd7c04be2f1b4d1cb875bef39447fe4196ab0b8296829fad651');
  });

  it('V2: canonical JSON', () => {
    expect(hex(eventDigest(V2, 'sha384'))).toBe('baf3bcd15a9ffbd5d96a054080db0d029d44a88cdb7ea9f9ca5953bf7a1d8d91f9a16c6de05de1034f41295e8cec53dc');
    expect(hex(eventDigest(V2, 'sha256'))).toBe('d370ccca56b54385ecede56064eec8dda527de6e046aea9b8ad7fe6baed02ada');
  });

  it.each([
    ['compose-hash', 'abcd', '{"name":"compose-hash","payload":"abcd","type":134217729}'],
    ['', '', '{"name":"","payload":"","type":134217729}'],
    ['event"with\\special\nchars', 'ff', '{"name":"event\\"with\\\\special\\nchars","payload":"ff","type":134217729}'],
    ['\u0001\u001f\b\f/é€😀\u007f', '', '{"name":"\\u0001\\u001f\\b\\f/é€😀\u007f","payload":"","type":134217729}'],
  ])('V2 preimage of %j', (name, payload, preimage) => {
    expect(Buffer.from(eventPreimage(event(name, payload, 2))).toString('utf8')).toBe(preimage);
  });

  it.each([
    ['system-preparing', 'f9974020ef507068183313d0ca808e0d1ca9b2d1ad0c61f5784e7157c362c06536f5ddacdad4451693f48fcc72fff624'],
    ['boot-mr-done', '98bd7e6bd3952720b65027fd494834045d06b4a714bf737a06b874638b3ea00ff402f7f583e3e3b05e921c8570433ac6'],
    ['system-ready', '1a76b2a80a0be71eae59f80945d876351a7a3fb8e9fd1ff1cede5734aa84ea11fd72b4edfbb6f04e5a85edd114c751bd'],
  ])('digest of the empty event %s', (name, digest) => {
    expect(hex(eventDigest(event(name, '', 1), 'sha384'))).toBe(digest);
  });

  it('V2 distinguishes names and payloads that V1 cannot', () => {
    const left = event('a:b', '63', 1);
    const right: RuntimeEvent = { event: 'a', payload: Buffer.from('b:c'), version: 1 };
    expect(eventPreimage(left)).toEqual(eventPreimage(right));
    expect(eventPreimage({ ...left, version: 2 })).not.toEqual(eventPreimage({ ...right, version: 2 }));
  });
});

describe('replay', () => {
  const mixed = [event('app-id', '0102', 1), event('compose-hash', '0304', 2)];

  it('handles logs of both versions', () => {
    expect(hex(replayRuntimeEvents(mixed, 'sha384'))).toBe('fe606928a7549b1ea173931e9c662fba1418f0c05bc12fff21269aec4596ef90dc1653a51e00bf109576002abef13ff7');
    expect(hex(replayRuntimeEvents(mixed, 'sha256'))).toBe('3dfbe9587f44cf428b66a3675891051c5b3d440599bf74c35ca029f4f07d88a2');
  });

  it('starts from zeros', () => {
    expect(replayRuntimeEvents([], 'sha384')).toEqual(new Uint8Array(48));
    expect(replayRuntimeEvents([], 'sha256')).toEqual(new Uint8Array(32));
  });

  it('counts the stop event and nothing after it', () => {
    expect(replayRuntimeEvents(mixed, 'sha384', 'app-id')).toEqual(replayRuntimeEvents(mixed.slice(0, 1), 'sha384'));
    expect(replayRuntimeEvents(mixed, 'sha384', 'never')).toEqual(replayRuntimeEvents(mixed, 'sha384'));
  });

  it.each(['guest-agent/getquote-1.json', 'guest-agent/getquote-2.json'])('recorded answer %s reproduces its quoted registers', (file) => {
    const answer = vectorJson<{ quote: string; event_log: string }>(file);
    const { report } = parseQuote(unhex(answer.quote));
    if (report.kind === 'sgx') throw new Error('not a TDX quote');
    const log = parseEventLog(answer.event_log);
    for (const imr of [0, 1, 2, 3] as const) expect(hex(replayRtmr(log, imr))).toBe(hex(report.rtmrs[imr]));
  });

  it('ignores a stored digest of a run-time event', () => {
    const honest = asTdxEvent(V1, { withPreimage: false });
    expect(replayRtmr([{ ...honest, digest: new Uint8Array(48) }], 3)).toEqual(replayRtmr([honest], 3));
  });
});

it('events of any content have a digest', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.uint8Array(), fc.constantFrom<1 | 2>(1, 2), (name, payload, version) => {
      expect(eventDigest({ event: name, payload, version }, 'sha384')).toHaveLength(48);
    }),
  );
});
