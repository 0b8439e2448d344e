import { encode as encodeMsgpack } from '@msgpack/msgpack';
import { describe, expect, it } from 'vitest';
import type { Attestation, PlatformEvidence, RuntimeEvent } from '../../../src/attestation/evidence/attestation.js';
import { decodeAttestation, encodeAttestation } from '../../../src/attestation/wire/decode.js';

const malformed = expect.objectContaining({ name: 'VerificationError', code: 'ATTESTATION_MALFORMED' });
const many = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

const event = (i: number): RuntimeEvent => ({ event: `e${i}`, payload: new Uint8Array(), version: 1 });
const tdxEvent = (i: number) => ({ imr: 0, eventType: i, digest: new Uint8Array(), event: '', eventPayload: new Uint8Array(), version: 1, preimage: null }) as const;
const stack = (runtimeEvents: RuntimeEvent[] = []) => ({ kind: 'dstack', reportData: new Uint8Array(64), runtimeEvents, config: '', reportDataPayload: null }) as const;
const snp = (certificates: number): PlatformEvidence => ({ kind: 'sev-snp', report: new Uint8Array(), certChain: many(certificates, () => new Uint8Array()), mrConfig: '' });
const gcp = (pcrs: number, events: number): PlatformEvidence => ({
  kind: 'gcp-tdx',
  quote: new Uint8Array(),
  eventLog: [],
  tpmQuote: {
    message: new Uint8Array(),
    signature: new Uint8Array(),
    pcrValues: many(pcrs, (index) => ({ index, algorithm: 'sha256', value: new Uint8Array() })),
    akCert: new Uint8Array(),
    platform: 'gcp',
    eventLog: many(events, (pcrIndex) => ({ pcrIndex, digest: new Uint8Array() })),
  },
});
const nitro: PlatformEvidence = { kind: 'nitro-enclave', nsmQuote: new Uint8Array() };

describe.each(['v0', 'v1'] as const)('counts in %s', (wire) => {
  const decode = (platform: PlatformEvidence, events: RuntimeEvent[] = []): Attestation => decodeAttestation(encodeAttestation({ wire, platform, stack: stack(events) }));

  it.each<[string, (count: number) => Attestation, number]>([
    ['certificates beside a report', (count) => decode(snp(count)), 64],
    ['PCR values', (count) => decode(gcp(count, 0)), 64],
    ['firmware events', (count) => decode(gcp(0, count)), 16_384],
    ['run-time events', (count) => decode(nitro, many(count, event)), 16_384],
    ['boot events', (count) => decode({ kind: 'tdx', quote: new Uint8Array(), eventLog: many(count, tdxEvent) }), 16_384],
  ])('%s: as many as the limit, not one more', (_, attempt, limit) => {
    expect(() => attempt(limit)).not.toThrow();
    expect(() => attempt(limit + 1)).toThrow(malformed);
  });
});

describe('sizes', () => {
  const ofLength = (length: number): Attestation => ({ wire: 'v0', platform: { kind: 'nitro-enclave', nsmQuote: new Uint8Array(length) }, stack: stack() });

  it('10 MiB to the byte', () => {
    const overhead = encodeAttestation(ofLength(10_000_000)).length - 10_000_000;
    const largest = encodeAttestation(ofLength(10_485_760 - overhead));
    expect(largest).toHaveLength(10_485_760);
    expect(() => decodeAttestation(largest)).not.toThrow();
    expect(() => decodeAttestation(encodeAttestation(ofLength(10_485_761 - overhead)))).toThrow(malformed);
  });

  it('nesting of what is skipped: 32 levels, the map around them among them, not one more', () => {
    const nested = (depth: number): unknown => (depth === 0 ? 0 : [nested(depth - 1)]);
    const data = { report_data: new Uint8Array(64), runtime_events: [], config: '' };
    const of = (depth: number) => encodeMsgpack({ version: 1, x: nested(depth), platform: { kind: 'nitro-enclave', data: { nsm_quote: [] } }, stack: { kind: 'dstack', data } }, { maxDepth: 200 });
    const accepts = (depth: number): boolean => {
      try {
        return decodeAttestation(of(depth)).wire === 'v1';
      } catch (error) {
        expect(error).toEqual(malformed);
        return false;
      }
    };
    expect([1, 16, 31].map(accepts)).toEqual([true, true, true]);
    expect([32, 33, 100].map(accepts)).toEqual([false, false, false]);
  });
});
