export interface MapBounds {
  /** Entries kept. */
  readonly capacity: number;
  /** Longest key kept, in UTF-16 units: whoever chooses the keys would otherwise choose the memory they take. */
  readonly maxKeyLength: number;
}

/**
 * The most recently used values, at most `capacity` of them; a value under a longer key than `maxKeyLength` is not kept
 * at all. For what can be made again: a value may be gone at any time, and only costs time then.
 */
export class BoundedMap<V extends object> {
  readonly #bounds: MapBounds;
  /** In order of use. */
  readonly #entries = new Map<string, V>();

  constructor(bounds: MapBounds) {
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): V | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  set(key: string, value: V): void {
    if (key.length > this.#bounds.maxKeyLength) return;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#bounds.capacity) return;
    const oldest = this.#entries.keys().next();
    if (oldest.done !== true) this.#entries.delete(oldest.value);
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  /** All of them, the least recently used first; looking at them here is no use. */
  entries(): readonly (readonly [key: string, value: V])[] {
    return [...this.#entries];
  }

  /** The value kept under `key`, or the one `create` gives. A throwing `create` leaves nothing behind. */
  getOrCreate(key: string, create: () => V): V {
    const known = this.get(key);
    if (known !== undefined) return known;
    const value = create();
    this.set(key, value);
    return value;
  }
}
