/** What the watching thread tells the one that runs inputs. */
export interface FuzzOrder {
  /** URL of the module that exports it as `target`. */
  readonly target: string;
  readonly corpus: string;
  readonly findings: string;
  readonly seed: number;
  /** Milliseconds. */
  readonly durationMs: number;
  /** Longest time for one input, milliseconds. */
  readonly hangMs: number;
  readonly memory: SharedArrayBuffer;
  /** True to write the corpus back, minimised. */
  readonly update: boolean;
}

/** What the running thread tells. */
export type FuzzReport =
  | { readonly kind: 'finding'; readonly text: string; readonly path: string }
  | { readonly kind: 'done'; readonly summary: FuzzSummary };

export interface FuzzSummary {
  readonly executions: number;
  readonly accepted: number;
  /** Branches taken by the corpus as it was read, and at the end. */
  readonly branchesBefore: number;
  readonly branchesAfter: number;
  readonly corpusFiles: number;
  /** Longest single input, milliseconds. */
  readonly slowestMs: number;
  /** Live bytes after a collection: early in the run and at its end, the inputs kept in memory taken off. */
  readonly heapBefore: number;
  readonly heapAfter: number;
}
