import { Worker } from 'node:worker_threads';
import { writeInput } from './corpus.js';
import type { FuzzOrder, FuzzReport, FuzzSummary } from './messages.js';
import { openSlot } from './slot.js';

const WATCH_MS = 1000;
/** Of the running thread; decoders bounded by their input need a fraction. */
const MAX_HEAP_MB = 512;
const STACK_MB = 1;
/** Growth of live memory between warm-up and end that is no noise, bytes. */
const MAX_GROWTH = 16 << 20;

/** How a run ended. */
export interface FuzzResult {
  /** null when the thread did not come to its end. */
  readonly summary: FuzzSummary | null;
  readonly findings: readonly string[];
  /** Resident set of the process in bytes: at a fifth of the time, at the end, and the highest seen. */
  readonly rss: { readonly early: number; readonly end: number; readonly peak: number };
}

/** Runs `order` in a thread of its own and watches it: an input that does not come back, the heap's limit, and growth are findings. */
export async function supervise(order: FuzzOrder): Promise<FuzzResult> {
  const findings: string[] = [];
  const worker = new Worker(new URL('./worker.js', import.meta.url), {
    workerData: order,
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB, stackSizeMb: STACK_MB },
  });
  const watch = watchSlot(order, (what) => {
    findings.push(what);
    void worker.terminate();
  });
  const memory = sampleMemory(order.durationMs);
  let summary: FuzzSummary | null = null;
  worker.on('message', (report: FuzzReport) => {
    if (report.kind === 'done') summary = report.summary;
    else findings.push(`${report.text}\n  input: ${report.path}`);
  });
  await new Promise<void>((resolve) => {
    worker.on('error', (error) => findings.push(died(order, error)));
    worker.on('exit', () => resolve());
  });
  clearInterval(watch);
  return { summary, findings: [...findings, ...growth(summary)], rss: memory() };
}

function watchSlot(order: FuzzOrder, hang: (what: string) => void): NodeJS.Timeout {
  const slot = openSlot(order.memory);
  let since = { number: -1, at: 0 };
  return setInterval(() => {
    const running = slot.running();
    if (running === null || running.number !== since.number) since = { number: running?.number ?? -1, at: Date.now() };
    else if (Date.now() - since.at > order.hangMs) hang(`no answer within ${order.hangMs} ms\n  input: ${writeInput(order.findings, running.input)}`);
  }, WATCH_MS);
}

/** The input that was running when the thread died, as it does of memory or of a fault in native code it survived. */
function died(order: FuzzOrder, error: Error): string {
  const running = openSlot(order.memory).running();
  const input = running === null ? 'none running' : writeInput(order.findings, running.input);
  return `the thread died: ${error.stack ?? error.message}\n  input: ${input}`;
}

function sampleMemory(durationMs: number): () => FuzzResult['rss'] {
  const started = Date.now();
  let early = 0;
  let peak = 0;
  const timer = setInterval(() => {
    const rss = process.memoryUsage.rss();
    peak = Math.max(peak, rss);
    if (early === 0 && Date.now() - started >= durationMs / 5) early = rss;
  }, WATCH_MS);
  return () => {
    clearInterval(timer);
    const end = process.memoryUsage.rss();
    return { early: early === 0 ? end : early, end, peak: Math.max(peak, end) };
  };
}

function growth(summary: FuzzSummary | null): readonly string[] {
  if (summary === null || summary.heapAfter - summary.heapBefore <= MAX_GROWTH) return [];
  return [`live memory grew from ${summary.heapBefore} to ${summary.heapAfter} bytes`];
}
