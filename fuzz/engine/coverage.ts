/** More branches than the decoders of one target have together. */
const MAX_EDGES = 1 << 16;

declare global {
  /** Times each branch was taken since the last input; instrumented modules count here (`instrument.ts`). */
  var fuzzEdges: Uint32Array;
  var fuzzEdgeCount: number;
  var fuzzLiterals: (string | number)[];
}

/** Which branches were ever taken, and about how often by one input. */
export interface Coverage {
  /** Forgets the counts, before an input is run. */
  reset(): void;
  /** Adds the counts of the input run last; true when a branch was new or taken in another order of magnitude. */
  merge(): boolean;
  /** Branches taken so far. */
  taken(): number;
}

/** Makes the globals that instrumented modules use; once per thread, before the first of them is loaded. */
export function installCounters(): void {
  globalThis.fuzzEdges = new Uint32Array(MAX_EDGES);
  globalThis.fuzzEdgeCount = 0;
  globalThis.fuzzLiterals = [];
}

export function createCoverage(): Coverage {
  const edges = globalThis.fuzzEdges;
  /** One bit per power of two. */
  const seen = new Uint32Array(MAX_EDGES);
  return {
    reset: () => edges.fill(0, 0, globalThis.fuzzEdgeCount),
    merge: () => {
      let fresh = false;
      for (let i = 0; i < globalThis.fuzzEdgeCount; i++) {
        const count = edges[i] ?? 0;
        if (count === 0) continue;
        const bit = 1 << Math.min(31 - Math.clz32(count), 8);
        const before = seen[i] ?? 0;
        if ((before & bit) !== 0) continue;
        seen[i] = before | bit;
        fresh = true;
      }
      return fresh;
    },
    taken: () => seen.reduce((sum, bits) => sum + (bits === 0 ? 0 : 1), 0),
  };
}

/** Everything the loaded code compares with: texts, and integers in both byte orders. */
export function literalDictionary(): Uint8Array[] {
  const words: Uint8Array[] = [];
  for (const literal of new Set(globalThis.fuzzLiterals)) {
    if (typeof literal === 'string') {
      words.push(Buffer.from(literal, 'utf8'));
      continue;
    }
    const number = Buffer.alloc(4);
    number.writeUInt32LE(literal);
    const size = literal <= 0xffff ? 2 : 4;
    words.push(Uint8Array.from(number.subarray(0, size)), Uint8Array.from(number.subarray(0, size)).toReversed());
  }
  return words;
}
