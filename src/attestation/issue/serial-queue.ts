import { EvidenceSourceError } from '../../errors/evidence-source-error.js';

export interface QueueOptions {
  /** Milliseconds a caller waits for its own result, queueing included. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal | null;
}

/** Runs tasks one after the other, in the order they came. */
export interface SerialQueue {
  /**
   * A caller whose deadline passes or whose signal aborts is let go at once; its task, if it has begun, still
   * holds its turn until it settles, because the device behind it is still busy.
   * @throws EvidenceSourceError DEVICE_BUSY when the queue is full, DEVICE_TIMEOUT when abandoned; else what the task throws
   */
  run<T>(task: () => Promise<T>, options: QueueOptions): Promise<T>;
}

interface Entry {
  /** Settles when the task has; never rejects. */
  start(): Promise<void>;
}

/** A queue with one running task and at most `maxWaiting` behind it. */
export function createSerialQueue({ maxWaiting }: { readonly maxWaiting: number }): SerialQueue {
  const waiting: Entry[] = [];
  let running = false;

  async function drain(): Promise<void> {
    running = true;
    for (let entry = waiting.shift(); entry !== undefined; entry = waiting.shift()) await entry.start();
    running = false;
  }

  function forget(entry: Entry): void {
    const at = waiting.indexOf(entry);
    if (at >= 0) waiting.splice(at, 1);
  }

  async function run<T>(task: () => Promise<T>, { deadlineMs, signal }: QueueOptions): Promise<T> {
    if (signal?.aborted === true) throw abandoned(signal.reason);
    if (running && waiting.length >= maxWaiting) {
      throw new EvidenceSourceError('DEVICE_BUSY', `${maxWaiting} requests are waiting for the device already`);
    }
    const { promise, resolve, reject } = settlers<T>();
    const entry: Entry = { start: () => task().then(resolve, reject) };
    const leave = (error: EvidenceSourceError): void => {
      forget(entry);
      reject(error);
    };
    const timer = setTimeout(() => leave(new EvidenceSourceError('DEVICE_TIMEOUT', `no evidence within ${deadlineMs} ms`)), deadlineMs);
    const onAbort = (): void => leave(abandoned(signal?.reason));
    signal?.addEventListener('abort', onAbort, { once: true });
    waiting.push(entry);
    if (!running) void drain();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  return { run };
}

function abandoned(cause: unknown): EvidenceSourceError {
  return new EvidenceSourceError('DEVICE_TIMEOUT', 'the request for evidence was abandoned', { cause });
}

/** Promise.withResolvers, which Node 20 lacks. */
function settlers<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
}
