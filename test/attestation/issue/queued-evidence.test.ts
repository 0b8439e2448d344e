import { describe, expect, it } from 'vitest';
import type { Attestation } from '../../../src/attestation/evidence/attestation.js';
import type { EvidenceSource } from '../../../src/attestation/evidence/evidence-source.js';
import { QuoteMetrics } from '../../../src/attestation/issue/quote-metrics.js';
import { QuoteService } from '../../../src/attestation/issue/quote-service.js';
import { queuedEvidence } from '../../../src/attestation/issue/queued-evidence.js';

/** A source whose evidence names the events measured when it was begun; operations end when told to. */
function controlled(): { source: EvidenceSource; begun: number[]; finish: () => void; asked: unknown[] } {
  const [begun, asked]: [number[], unknown[]] = [[], []];
  const ends: (() => void)[] = [];
  let events = 0;
  const operation = async <T>(value: T): Promise<T> => {
    begun.push(events);
    await new Promise<void>((resolve) => ends.push(resolve));
    return value;
  };
  const source: EvidenceSource = {
    variant: 'dstack-tdx',
    development: false,
    attest: (reportData) => operation({ reportData, events } as unknown as Attestation),
    nsmDocument: async (request) => {
      asked.push(request);
      return operation(new Uint8Array([1]));
    },
    emitEvent: async () => void events++,
  };
  return { source, begun, asked, finish: () => ends.shift()?.() };
}

const queued = (source: EvidenceSource): EvidenceSource =>
  queuedEvidence(source, new QuoteService({ maxCallers: 64, maxCallersPerPeer: 32, waitMs: 120_000, now: () => performance.now(), metrics: new QuoteMetrics() }));

describe('queuedEvidence', () => {
  it('shares one operation of the device among identical requests', async () => {
    const { source, begun, finish } = controlled();
    const evidence = queued(source);
    const both = Promise.all([evidence.attest(new Uint8Array(64)), evidence.attest(new Uint8Array(64))]);
    finish();
    const [one, two] = await both;
    expect(begun.length).toBe(1);
    expect(one).toEqual(two);
    expect(one).not.toBe(two);
  });

  it('never gives evidence begun before an event to those who ask after it', async () => {
    const { source, begun, finish } = controlled();
    const evidence = queued(source);
    const before = evidence.attest(new Uint8Array(64));
    await evidence.emitEvent?.('event', new Uint8Array());
    const after = evidence.attest(new Uint8Array(64));
    finish();
    expect(await before).toMatchObject({ events: 0 });
    await new Promise((resolve) => setImmediate(resolve));
    finish();
    expect(await after).toMatchObject({ events: 1 });
    expect(begun).toEqual([0, 1]);
  });

  it('keeps its own copy of what is asked for while it waits', async () => {
    const { source, finish, asked } = controlled();
    const evidence = queued(source);
    const first = evidence.attest(new Uint8Array(64));
    const nonce = new Uint8Array([7]);
    const document = evidence.nsmDocument?.({ userData: null, nonce, publicKey: null });
    nonce.fill(0);
    finish();
    await first;
    await new Promise((resolve) => setImmediate(resolve));
    finish();
    await document;
    expect(asked).toEqual([{ userData: null, nonce: new Uint8Array([7]), publicKey: null }]);
  });

  it('tells an empty field of an NSM request from an absent one', async () => {
    const { source, begun, finish } = controlled();
    const evidence = queued(source);
    const requests = [null, new Uint8Array()].map((nonce) => evidence.nsmDocument?.({ userData: null, nonce, publicKey: null }));
    for (const request of requests) {
      await new Promise((resolve) => setImmediate(resolve));
      finish();
      await request;
    }
    expect(begun.length).toBe(2);
  });

  it('offers what the platform has and nothing else', () => {
    const bare = queued({ ...controlled().source, nsmDocument: null, emitEvent: null });
    expect([bare.nsmDocument, bare.emitEvent]).toEqual([null, null]);
  });
});
