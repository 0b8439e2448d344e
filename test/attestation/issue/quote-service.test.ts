import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { QuoteMetrics } from '../../../src/attestation/issue/quote-metrics.js';
import { QuoteService, type QuoteServiceOptions } from '../../../src/attestation/issue/quote-service.js';

const DEVICE_MS = 1_000;

/** A device that takes a second, and what was asked of it. */
class Bench {
  readonly started: string[] = [];
  readonly settled: string[] = [];
  readonly metrics = new QuoteMetrics();
  readonly service: QuoteService;

  constructor(options: Partial<QuoteServiceOptions> = {}) {
    this.service = new QuoteService({ maxCallers: 64, maxCallersPerPeer: 32, waitMs: 60_000, now: () => performance.now(), metrics: this.metrics, ...options });
  }

  /** What became of a request: its value, or the code of its error. Recorded in the order things settle. */
  async ask(key: string, peer = 'p', waitMs: number | null = null, signal: AbortSignal | null = null, deviceMs = DEVICE_MS): Promise<unknown> {
    const task = (): Promise<{ bytes: Uint8Array }> => {
      this.started.push(key);
      return new Promise((resolve) => setTimeout(() => resolve({ bytes: Buffer.from(key) }), deviceMs));
    };
    const outcome = await this.service.ask({ key, task }, { peer, waitMs }, signal).then(
      (value) => value,
      (error: unknown) => (error as { code: string }).code,
    );
    this.settled.push(key);
    return outcome;
  }

  metric(name: string): number {
    const found = new RegExp(`^${name.replace(/[{}"]/g, '\\$&')} (.+)$`, 'm').exec(this.metrics.text());
    return Number(found?.[1]);
  }
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

describe('the queue before a device', () => {
  it('answers everybody in the order of asking', async () => {
    const bench = new Bench();
    const keys = Array.from({ length: 24 }, (_, at) => `k${at}`);
    const answers = Promise.all(keys.map((key) => bench.ask(key)));
    await vi.advanceTimersByTimeAsync(24 * DEVICE_MS);
    expect((await answers).every((answer) => typeof answer === 'object')).toBe(true);
    expect([bench.started, bench.settled]).toEqual([keys, keys]);
    expect(bench.metric('dstack_quote_device_seconds_sum')).toBe(24);
  });

  it('lets peers take turns', async () => {
    const bench = new Bench();
    const answers = Promise.all([...['a1', 'a2', 'a3', 'a4'].map((key) => bench.ask(key, 'a')), bench.ask('b1', 'b'), bench.ask('c1', 'c'), bench.ask('b2', 'b')]);
    await vi.advanceTimersByTimeAsync(7 * DEVICE_MS);
    await answers;
    expect(bench.started).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2', 'a4']);
  });

  it('is bounded in total and for each peer, and says so at once', async () => {
    const bench = new Bench({ maxCallers: 4, maxCallersPerPeer: 3 });
    const inside = Promise.all(['a1', 'a2', 'a3'].map((key) => bench.ask(key, 'a')));
    expect(await bench.ask('a4', 'a')).toBe('DEVICE_BUSY');
    const other = bench.ask('b1', 'b');
    expect(await bench.ask('c1', 'c')).toBe('DEVICE_BUSY');
    expect([bench.metric('dstack_quote_refused_total{reason="peer"}'), bench.metric('dstack_quote_refused_total{reason="full"}')]).toEqual([1, 1]);
    expect(bench.metric('dstack_quote_queue_depth')).toBe(3);
    await vi.advanceTimersByTimeAsync(4 * DEVICE_MS);
    await Promise.all([inside, other]);
    expect(bench.metric('dstack_quote_queue_depth')).toBe(0);
    const again = bench.ask('a5', 'a');
    await vi.advanceTimersByTimeAsync(DEVICE_MS);
    expect(await again).toEqual({ bytes: Buffer.from('a5') });
  });
});

describe('deadlines', () => {
  it('who cannot have a turn in time is refused at once', async () => {
    const bench = new Bench();
    const first = bench.ask('first');
    await vi.advanceTimersByTimeAsync(DEVICE_MS);
    await first;
    const answers = Promise.all(Array.from({ length: 10 }, (_, at) => bench.ask(`k${at}`, 'p', 5_000)));
    await vi.advanceTimersByTimeAsync(0);
    expect(bench.settled).toEqual(['first', 'k4', 'k5', 'k6', 'k7', 'k8', 'k9']);
    await vi.advanceTimersByTimeAsync(4 * DEVICE_MS);
    expect((await answers).slice(4)).toEqual(Array<string>(6).fill('DEVICE_BUSY'));
    expect((await answers).slice(0, 4).every((answer) => typeof answer === 'object')).toBe(true);
  });

  it('who is overtaken by other peers hears of it before the deadline', async () => {
    const bench = new Bench();
    const first = bench.ask('first', 'a');
    await vi.advanceTimersByTimeAsync(DEVICE_MS);
    await first;
    void bench.ask('a1', 'a');
    void bench.ask('a2', 'a');
    const late = bench.ask('a3', 'a', 4_000);
    for (const peer of ['b', 'c', 'd']) void bench.ask(`${peer}1`, peer);
    await vi.advanceTimersByTimeAsync(3_999);
    expect(await Promise.race([late, Promise.resolve('waiting')])).toBe('DEVICE_BUSY');
    expect(bench.started).not.toContain('a3');
    await vi.advanceTimersByTimeAsync(60_000);
  });

  it('without knowing the device, a request that never had its turn ends as busy, one that had as timed out', async () => {
    const bench = new Bench();
    const stuck = bench.ask('stuck', 'p', 3_000, null, 10_000);
    const behind = bench.ask('behind', 'p', 3_000);
    await vi.advanceTimersByTimeAsync(2_999);
    expect(await Promise.all([stuck, behind])).toEqual(['DEVICE_TIMEOUT', 'DEVICE_BUSY']);
    expect(bench.metric('dstack_quote_timeouts_total')).toBe(1);
    // The device is at it still.
    const next = bench.ask('next');
    await vi.advanceTimersByTimeAsync(6_000);
    expect(bench.started).toEqual(['stuck']);
    await vi.advanceTimersByTimeAsync(1_001 + DEVICE_MS);
    expect(await next).toEqual({ bytes: Buffer.from('next') });
  });

  it('an idle device is tried however slow it was', async () => {
    const bench = new Bench();
    const slow = bench.ask('slow', 'p', null, null, 50_000);
    await vi.advanceTimersByTimeAsync(50_000);
    await slow;
    const quick = bench.ask('quick', 'p', 2_000);
    await vi.advanceTimersByTimeAsync(DEVICE_MS);
    expect(await quick).toEqual({ bytes: Buffer.from('quick') });
  });
});

describe('identical requests', () => {
  it('share one operation, and each has bytes of its own', async () => {
    const bench = new Bench();
    const [one, two, three] = [bench.ask('same', 'a'), bench.ask('same', 'b'), bench.ask('same', 'a')];
    await vi.advanceTimersByTimeAsync(DEVICE_MS);
    const answers = (await Promise.all([one, two, three])) as { bytes: Uint8Array }[];
    expect(bench.started).toEqual(['same']);
    expect(bench.metric('dstack_quote_coalesced_total')).toBe(2);
    answers[0]?.bytes.fill(0);
    expect(answers.slice(1).map(({ bytes }) => Buffer.from(bytes).toString())).toEqual(['same', 'same']);
    answers[1]?.bytes.fill(0);
    expect(Buffer.from(answers[2]?.bytes ?? []).toString()).toBe('same');
  });

  it('are not shared with what has ended', async () => {
    const bench = new Bench();
    void bench.ask('same');
    await vi.advanceTimersByTimeAsync(DEVICE_MS);
    void bench.ask('same');
    await vi.advanceTimersByTimeAsync(DEVICE_MS);
    expect(bench.started).toEqual(['same', 'same']);
  });

  it('a caller who leaves takes nothing from the others', async () => {
    const bench = new Bench();
    void bench.ask('running');
    const leaves = new AbortController();
    const gone = bench.ask('same', 'a', null, leaves.signal);
    const stays = bench.ask('same', 'b');
    leaves.abort();
    expect(await gone).toBe('DEVICE_TIMEOUT');
    await vi.advanceTimersByTimeAsync(2 * DEVICE_MS);
    expect(await stays).toEqual({ bytes: Buffer.from('same') });
  });

  it('that nobody wants any more are not begun, and hold the turn once they are', async () => {
    const bench = new Bench();
    const [leavesBegun, leavesWaiting] = [new AbortController(), new AbortController()];
    const begun = bench.ask('begun', 'p', null, leavesBegun.signal);
    const waiting = bench.ask('waiting', 'p', null, leavesWaiting.signal);
    const last = bench.ask('last');
    leavesBegun.abort();
    leavesWaiting.abort();
    expect(await Promise.all([begun, waiting])).toEqual(['DEVICE_TIMEOUT', 'DEVICE_TIMEOUT']);
    await vi.advanceTimersByTimeAsync(DEVICE_MS - 1);
    expect(bench.started).toEqual(['begun']);
    await vi.advanceTimersByTimeAsync(1 + DEVICE_MS);
    expect(await last).toEqual({ bytes: Buffer.from('last') });
    expect(bench.started).toEqual(['begun', 'last']);
  });
});

it('a device that fails, or throws, gives its error to all who asked and goes on', async () => {
  const bench = new Bench();
  const boom = new Error('boom');
  const failing = (): Promise<never> => {
    throw boom;
  };
  const both = Promise.allSettled([bench.service.ask({ key: 'k', task: failing }, null, null), bench.service.ask({ key: 'k', task: failing }, null, null)]);
  expect((await both).map((result) => (result.status === 'rejected' ? result.reason : null))).toEqual([boom, boom]);
  expect(bench.metric('dstack_quote_device_failures_total')).toBe(1);
  const next = bench.ask('next');
  await vi.advanceTimersByTimeAsync(DEVICE_MS);
  expect(await next).toEqual({ bytes: Buffer.from('next') });
});
