/** The input that is being run, where the thread that watches can read it while the other one is busy. */
export interface Slot {
  /** Publishes `input` as running. */
  begin(input: Uint8Array): void;
  /** Says that it has come back. */
  end(): void;
  /** The number of the running input and the input itself; null between inputs. */
  running(): { readonly number: number; readonly input: Uint8Array } | null;
  /** Inputs begun so far. */
  count(): number;
}

const HEADER_WORDS = 3;
const HEADER_BYTES = HEADER_WORDS * 4;

/** Memory for a slot of inputs of up to `maxLength` bytes. */
export function slotMemory(maxLength: number): SharedArrayBuffer {
  return new SharedArrayBuffer(HEADER_BYTES + maxLength);
}

/** Both threads' view of the same memory: words are inputs begun, 1 while one runs, its length. */
export function openSlot(memory: SharedArrayBuffer): Slot {
  const words = new Int32Array(memory, 0, HEADER_WORDS);
  const bytes = new Uint8Array(memory, HEADER_BYTES);
  return {
    begin: (input) => {
      bytes.set(input);
      Atomics.store(words, 2, input.length);
      Atomics.add(words, 0, 1);
      Atomics.store(words, 1, 1);
    },
    end: () => {
      Atomics.store(words, 1, 0);
    },
    running: () => (Atomics.load(words, 1) === 0 ? null : { number: Atomics.load(words, 0), input: bytes.slice(0, Atomics.load(words, 2)) }),
    count: () => Atomics.load(words, 0),
  };
}
