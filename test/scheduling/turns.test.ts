import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Turns } from '../../src/scheduling/turns.js';

test('tasks are done in order, one a turn of the event loop, and the loop may rest between bursts', async () => {
  const turns = new Turns();
  const done: number[] = [];
  for (let i = 0; i < 5; i++) turns.add(() => done.push(i));
  expect(done).toEqual([]);
  for (let turn = 0; turn < 5; turn++) {
    await nextTurn();
    expect(done.length).toBeLessThanOrEqual(turn + 2);
  }
  await nextTurn();
  expect(done).toEqual([0, 1, 2, 3, 4]);
  turns.add(() => done.push(5));
  await nextTurn();
  await nextTurn();
  expect(done.at(-1)).toBe(5);
});
