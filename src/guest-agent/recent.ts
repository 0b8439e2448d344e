/** Something expensive that may be handed out again while it is recent. */
export interface Recent<T> {
  /** The value made last, or a new one when that is too old, outdated or missing. Concurrent callers share one making. */
  get(): Promise<Aged<T>>;
}

export interface Aged<T> {
  readonly value: T;
  /** Milliseconds since its making began. */
  readonly ageMs: number;
}

export interface RecentOptions<T> {
  readonly make: () => Promise<T>;
  /** Milliseconds. */
  readonly maxAgeMs: number;
  /** Milliseconds, never going back. */
  readonly now: () => number;
  /** What the value depends on besides time; a value made at another generation is outdated. */
  readonly generation: () => number;
}

interface Making<T> {
  readonly value: Promise<T>;
  readonly at: number;
  readonly generation: number;
}

/** A failed making is never kept: the next caller tries again. */
export function createRecent<T>({ make, maxAgeMs, now, generation }: RecentOptions<T>): Recent<T> {
  let last: Making<T> | null = null;
  const start = (): Making<T> => {
    const made: Making<T> = { value: make(), at: now(), generation: generation() };
    made.value.catch(() => {
      if (last === made) last = null;
    });
    return made;
  };
  return {
    async get() {
      if (last === null || last.generation !== generation() || now() - last.at > maxAgeMs) last = start();
      const { value, at } = last;
      return { value: await value, ageMs: now() - at };
    },
  };
}
