import { EvidenceSourceError } from '../../errors/evidence-source-error.js';

export interface QueueOptions {
  /** Milliseconds a caller waits. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal | null;
  /**
   * `result`: the caller may be let go at any time. `turn`: only before its task begins, for tasks whose
   * outcome the caller must not be left in doubt about; such a task has to bound itself.
   */
  readonly waitsFor: 'result' | 'turn';
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
  /** Runs the task to its end; never rejects. The result tells the caller how it ended. */
  start(): Promise<() => void>;
}

/** A queue with one running task and at most `maxWaiting` behind it. */
export function createSerialQueue({ maxWaiting }: { readonly maxWaiting: number }): SerialQueue {
  const waiting: Entry[] = [];
  let running = false;

  async function drain(): Promise<void> {
    running = true;
    for (let entry = waiting.shift(); entry !== undefined; entry = waiting.shift()) {
      // The caller only goes on after the next task has taken the turn, so it finds the place it left.
      (await entry.start())();
    }
    running = false;
  }

  function forget(entry: Entry): void {
    const at = waiting.indexOf(entry);
    if (at >= 0) waiting.splice(at, 1);
  }

  function run<T>(task: () => Promise<T>, { deadlineMs, signal, waitsFor }: QueueOptions): Promise<T> {
    if (signal?.aborted === true) return Promise.reject(abandoned(signal.reason));
    if (running && waiting.length >= maxWaiting) {
      return Promise.reject(new EvidenceSourceError('DEVICE_BUSY', `${maxWaiting} requests are waiting for the device already`));
    }
    return new Promise<T>((resolve, reject) => {
      const onTimeout = (): void => leave(new EvidenceSourceError('DEVICE_TIMEOUT', `no evidence within ${deadlineMs} ms`));
      const onAbort = (): void => leave(abandoned(signal?.reason));
      const timer = setTimeout(onTimeout, deadlineMs);
      signal?.addEventListener('abort', onAbort, { once: true });
      const stay = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      const entry: Entry = {
        async start() {
          if (waitsFor === 'turn') stay();
          const settle = await outcomeOf(task, resolve, reject);
          stay();
          return settle;
        },
      };
      const leave = (error: EvidenceSourceError): void => {
        stay();
        forget(entry);
        reject(error);
      };
      waiting.push(entry);
      if (!running) void drain();
    });
  }

  return { run };
}

async function outcomeOf<T>(task: () => Promise<T>, resolve: (value: T) => void, reject: (error: unknown) => void): Promise<() => void> {
  try {
    const value = await task();
    return () => resolve(value);
  } catch (error) {
    return () => reject(error);
  }
}

function abandoned(cause: unknown): EvidenceSourceError {
  return new EvidenceSourceError('DEVICE_TIMEOUT', 'the request for evidence was abandoned', { cause });
}
