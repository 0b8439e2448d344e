import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { CallTurns } from '../../src/scheduling/call-turns.js';

/** Every look at the clock takes as long as calls may begin at once, so that the second of a turn has to wait. */
function slow(waiting = 200): CallTurns {
  let ms = 0;
  return new CallTurns({ now: () => (ms += 2), waiting });
}

const never = (): AbortSignal => new AbortController().signal;
const unasked = (): AbortSignal => {
  throw new Error('a call that does not wait needs no signal');
};

describe('a call', () => {
  it.each(['small', 'large'] as const)('that comes alone is done at once (%s)', async (size) => {
    const turns = slow();
    for (let call = 0; call < 3; call++) {
      expect(turns.run(size, () => call, unasked)).toBe(call);
      await nextTurn();
      await nextTurn();
    }
  });

  it.each(['small', 'large'] as const)('of a burst that takes no time is done at once (%s)', (size) => {
    const turns = new CallTurns({ now: () => 0 });
    expect(Array.from({ length: 50 }, (_, call) => turns.run(size, () => call, unasked))).toEqual([...Array(50).keys()]);
  });

  it('throws as its work does when it is done at once, and rejects when it had to wait', async () => {
    const turns = slow();
    const failing = (message: string) => (): never => {
      throw new Error(message);
    };
    expect(() => turns.run('large', failing('first'), unasked)).toThrow('first');
    const waiting = [turns.run('large', failing('second'), never), turns.run('large', async () => failing('third')(), never), turns.run('large', () => 'fourth', never)];
    const outcomes = await Promise.allSettled(waiting);
    expect(outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : String(outcome.reason)))).toEqual(['Error: second', 'Error: third', 'fourth']);
  });
});

describe('a burst', () => {
  it('is done in its order, one call a turn of the event loop', async () => {
    const turns = slow();
    const done: number[] = [];
    for (let call = 0; call < 6; call++) void turns.run('large', () => done.push(call), never);
    expect(done).toEqual([0]);
    for (let turn = 1; turn <= 6; turn++) {
      await nextTurn();
      expect(done.length).toBeLessThanOrEqual(turn + 2);
    }
    await nextTurn();
    expect(done).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('of large calls lets small ones pass, and no large one', async () => {
    const turns = slow();
    const done: string[] = [];
    for (const call of ['a', 'b', 'c', 'd']) void turns.run('large', () => done.push(call), never);
    await nextTurn();
    void turns.run('large', () => done.push('late'), never);
    void turns.run('small', () => done.push('small'), unasked);
    expect(done.at(-1)).toBe('small');
    for (let turn = 0; turn < 6; turn++) await nextTurn();
    expect(done.filter((call) => call !== 'small')).toEqual(['a', 'b', 'c', 'd', 'late']);
  });

  it('leaves out who is gone by its turn', async () => {
    const turns = slow();
    const gone = new AbortController();
    const done: string[] = [];
    void turns.run('large', () => done.push('first'), unasked);
    const abandoned = turns.run('large', () => done.push('gone'), () => gone.signal);
    const last = turns.run('large', () => done.push('last'), never);
    gone.abort(new Error('the client has gone'));
    await expect(abandoned).rejects.toThrow('the client has gone');
    await last;
    expect(done).toEqual(['first', 'last']);
  });

  it('longer than the line is refused beyond it, unless its calls are small', async () => {
    const turns = slow(2);
    const done: number[] = [];
    for (let call = 0; call < 3; call++) void turns.run('large', () => done.push(call), never);
    expect(() => turns.run('large', () => done.push(3), unasked)).toThrow(expect.objectContaining({ code: 'RESOURCE_EXHAUSTED' }));
    void turns.run('small', () => done.push(4), unasked);
    expect(done).toEqual([0, 4]);
    for (let turn = 0; turn < 4; turn++) await nextTurn();
    expect(done).toEqual([0, 4, 1, 2]);
    expect(turns.run('large', () => 'room again', unasked)).toBe('room again');
  });
});
