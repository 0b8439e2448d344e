/** Remembers at most so many values; the one longest unused is forgotten first. */
export interface Lru<T> {
  /** The value remembered under `key`, or the one `make` gives. A throwing `make` leaves nothing behind. */
  get(key: string, make: () => T): T;
}

export function createLru<T extends object>(capacity: number): Lru<T> {
  const entries = new Map<string, T>(); // in order of use
  return {
    get(key, make) {
      const known = entries.get(key);
      const value = known ?? make();
      if (known !== undefined) entries.delete(key);
      entries.set(key, value);
      const oldest = entries.keys().next();
      if (entries.size > capacity && oldest.done !== true) entries.delete(oldest.value);
      return value;
    },
  };
}
