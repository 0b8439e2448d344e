import { describe, expect, it } from 'vitest';
import { BoundedMap } from '../../src/cache/bounded-map.js';

interface Named {
  readonly key: string;
}

describe('BoundedMap', () => {
  it('forgets the value longest unused, and makes it again', () => {
    const made: string[] = [];
    const map = new BoundedMap<Named>({ capacity: 2, maxKeyLength: 8 });
    const get = (key: string): Named =>
      map.getOrCreate(key, () => {
        made.push(key);
        return { key };
      });
    for (const key of ['a', 'b', 'a', 'c', 'a', 'b']) expect(get(key).key).toBe(key);
    expect(made).toEqual(['a', 'b', 'c', 'b']);
    expect(map.size).toBe(2);
  });

  it('reading counts as use, and a value set again replaces the old one', () => {
    const map = new BoundedMap<Named>({ capacity: 2, maxKeyLength: 8 });
    map.set('a', { key: 'a' });
    map.set('b', { key: 'b' });
    expect(map.get('a')).toEqual({ key: 'a' });
    map.set('c', { key: 'c' });
    expect(map.get('b')).toBeUndefined();
    map.set('a', { key: 'again' });
    expect(map.get('a')).toEqual({ key: 'again' });
    expect(map.size).toBe(2);
  });

  it('does not keep what stands under a key that is too long', () => {
    const map = new BoundedMap<Named>({ capacity: 2, maxKeyLength: 3 });
    expect(map.getOrCreate('four', () => ({ key: 'four' }))).toEqual({ key: 'four' });
    expect(map.get('four')).toBeUndefined();
    map.set('abc', { key: 'abc' });
    expect(map.size).toBe(1);
  });

  it('keeps nothing of a failure', () => {
    const map = new BoundedMap<object>({ capacity: 1, maxKeyLength: 8 });
    expect(() =>
      map.getOrCreate('a', () => {
        throw new RangeError('no');
      }),
    ).toThrow(RangeError);
    expect(map.getOrCreate('a', () => ({ ok: 1 }))).toEqual({ ok: 1 });
  });
});
