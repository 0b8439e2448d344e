import { type Coverage, createCoverage, literalDictionary } from './coverage.js';
import { type CorpusFile, KEPT, minimise, readCorpus, replaceCorpus, writeInput } from './corpus.js';
import { execute, signatureOf } from './execute.js';
import { liveBytes } from './heap.js';
import type { FuzzOrder, FuzzReport, FuzzSummary } from './messages.js';
import { type Mutants, mutate } from './mutate.js';
import { createRandom } from './random.js';
import { openSlot, type Slot } from './slot.js';
import type { RandomSource, Target } from './target.js';

/** Bytes of inputs kept in memory; beyond it, new ones take the place of old ones. */
const MAX_KEPT_BYTES = 8 << 20;
/** Inputs between two looks at the clock. */
const BATCH = 32;
/** Part of the time after which the heap is measured first: caches of the runtime are full by then. */
const WARM_UP = 0.2;

/** One run of one target: picks an input of the corpus, changes it, runs it, keeps it when it took a new branch. */
export class FuzzSession {
  readonly #target: Target;
  readonly #order: FuzzOrder;
  readonly #tell: (report: FuzzReport) => void;
  readonly #slot: Slot;
  readonly #coverage: Coverage = createCoverage();
  readonly #random: RandomSource;
  readonly #mutants: Mutants;
  readonly #found = new Set<string>();
  readonly #inputs: Uint8Array[] = [];
  #keptBytes = 0;
  #executions = 0;
  #accepted = 0;
  #slowestMs = 0;

  constructor(target: Target, order: FuzzOrder, tell: (report: FuzzReport) => void) {
    this.#target = target;
    this.#order = order;
    this.#tell = tell;
    this.#slot = openSlot(order.memory);
    this.#random = createRandom(order.seed);
    const dictionary = [...target.dictionary, ...literalDictionary()];
    this.#mutants = { target, dictionary, other: () => this.#random.pick(this.#inputs) };
  }

  run(): FuzzSummary {
    const files = readCorpus(this.#order.corpus);
    for (const { bytes } of files) this.#try(bytes);
    if (this.#inputs.length === 0) this.#keep(new Uint8Array());
    const branchesBefore = this.#coverage.taken();
    const started = Date.now();
    const until = started + this.#order.durationMs;
    this.#fuzzUntil(started + this.#order.durationMs * WARM_UP);
    const heapBefore = liveBytes() - this.#keptBytes;
    this.#fuzzUntil(until);
    const heapAfter = liveBytes() - this.#keptBytes;
    if (this.#order.update) this.#writeBack(files);
    return {
      executions: this.#executions,
      accepted: this.#accepted,
      branchesBefore,
      branchesAfter: this.#coverage.taken(),
      corpusFiles: readCorpus(this.#order.corpus).length,
      slowestMs: this.#slowestMs,
      heapBefore,
      heapAfter,
    };
  }

  #fuzzUntil(time: number): void {
    while (Date.now() < time) {
      for (let i = 0; i < BATCH; i++) this.#try(mutate(this.#random.pick(this.#inputs), this.#random, this.#mutants));
    }
  }

  #try(input: Uint8Array): void {
    this.#coverage.reset();
    this.#slot.begin(input);
    const started = performance.now();
    const outcome = execute(this.#target, input);
    this.#slowestMs = Math.max(this.#slowestMs, performance.now() - started);
    this.#slot.end();
    this.#executions++;
    if (outcome.kind === 'accepted') this.#accepted++;
    if (outcome.kind === 'finding') this.#report(outcome.error, input);
    if (this.#coverage.merge()) this.#keep(Uint8Array.from(input));
  }

  #keep(input: Uint8Array): void {
    this.#keptBytes += input.length;
    this.#inputs.push(input);
    while (this.#keptBytes > MAX_KEPT_BYTES) this.#keptBytes -= this.#inputs.shift()?.length ?? 0;
  }

  #report(error: Error, input: Uint8Array): void {
    const signature = signatureOf(error);
    if (this.#found.has(signature)) return;
    this.#found.add(signature);
    this.#tell({ kind: 'finding', text: error.stack ?? error.message, path: writeInput(this.#order.findings, input) });
  }

  #writeBack(files: readonly CorpusFile[]): void {
    const coverage = createCoverage();
    const adds = (input: Uint8Array): boolean => {
      this.#coverage.reset();
      execute(this.#target, input);
      return coverage.merge();
    };
    for (const { name, bytes } of files) if (KEPT.test(name)) adds(bytes);
    replaceCorpus(this.#order.corpus, minimise(this.#inputs, adds));
  }
}
