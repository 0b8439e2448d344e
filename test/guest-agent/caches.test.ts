import { describe, expect, it } from 'vitest';
import { createFreshLimit } from '../../src/guest-agent/fresh-limit.js';
import { createRecent } from '../../src/guest-agent/recent.js';

describe('createRecent', () => {
  const setup = (): { state: { now: number; generation: number; made: number; fails: boolean }; recent: ReturnType<typeof createRecent<number>> } => {
    const state = { now: 0, generation: 0, made: 0, fails: false };
    const make = async (): Promise<number> => {
      state.made += 1;
      if (state.fails) throw new Error('no');
      return state.made;
    };
    return { state, recent: createRecent({ make, maxAgeMs: 100, now: () => state.now, generation: () => state.generation }) };
  };

  it('makes one value for everybody until it is too old or outdated', async () => {
    const { state, recent } = setup();
    expect(await Promise.all([recent.get(), recent.get()])).toEqual([{ value: 1, ageMs: 0 }, { value: 1, ageMs: 0 }]);
    state.now = 100;
    expect(await recent.get()).toEqual({ value: 1, ageMs: 100 });
    state.now = 101;
    expect((await recent.get()).value).toBe(2);
    state.generation = 1;
    expect((await recent.get()).value).toBe(3);
  });

  it('tries again after a failure', async () => {
    const { state, recent } = setup();
    state.fails = true;
    await expect(recent.get()).rejects.toThrow('no');
    state.fails = false;
    expect((await recent.get()).value).toBe(2);
  });
});

describe('createFreshLimit', () => {
  const options = { perPeer: 2, perPeerMs: 10, total: 5, totalMs: 10, maxPeers: 2 };

  it('gives each peer its share, and more with time', () => {
    let now = 0;
    const allow = createFreshLimit(() => now, options);
    expect([allow('a'), allow('a'), allow('a'), allow('b')]).toEqual([true, true, false, true]);
    now = 10;
    expect([allow('a'), allow('a')]).toEqual([true, false]);
  });

  it('limits all peers together', () => {
    const allow = createFreshLimit(() => 0, { ...options, maxPeers: 100 });
    const answers = Array.from({ length: 8 }, (_, i) => allow(`peer ${i}`));
    expect(answers).toEqual([true, true, true, true, true, false, false, false]);
  });

  it('never remembers more peers than it may', () => {
    const allow = createFreshLimit(() => 0, { ...options, total: 100 });
    expect([allow('a'), allow('a'), allow('a')]).toEqual([true, true, false]);
    expect([allow('b'), allow('c'), allow('a')]).toEqual([true, true, true]);
  });
});
