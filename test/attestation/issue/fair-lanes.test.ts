import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { FairLanes } from '../../../src/attestation/issue/fair-lanes.js';

function filled(items: readonly string[]): FairLanes<string> {
  const lanes = new FairLanes<string>();
  for (const item of items) lanes.add(item.slice(0, 1), item);
  return lanes;
}

function drained(lanes: FairLanes<string>): string[] {
  const taken: string[] = [];
  for (let item = lanes.take(); item !== undefined; item = lanes.take()) taken.push(item);
  return taken;
}

describe('FairLanes', () => {
  it('takes turns between lanes and keeps the order within one', () => {
    expect(drained(filled(['a1', 'a2', 'a3', 'b1', 'b2', 'c1']))).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
  });

  it('forgets an item that left, and its lane with the last', () => {
    const lanes = filled(['a1', 'b1', 'a2']);
    lanes.remove('a', 'a1');
    lanes.remove('b', 'b1');
    lanes.remove('b', 'never there');
    expect(lanes.size).toBe(1);
    expect(drained(lanes)).toEqual(['a2']);
  });

  it('knows who would be taken before a newcomer', () => {
    const step = fc.oneof(fc.constantFrom('a', 'b', 'c', 'd'), fc.constant(null));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.constantFrom('a', 'b', 'c', 'd'), (steps, lane) => {
        const lanes = new FairLanes<string>();
        for (const [at, name] of steps.entries()) {
          if (name === null) lanes.take();
          else lanes.add(name, `${name}${at}`);
        }
        const ahead = lanes.ahead(lane);
        lanes.add(lane, 'newcomer');
        expect(drained(lanes).indexOf('newcomer')).toBe(ahead);
      }),
    );
  });
});
