import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const TRIES = 5;
const PAUSE_MS = 100;
const nobody = new Int32Array(new SharedArrayBuffer(4));

/**
 * Live bytes of this thread, heap and buffers, after a full collection. The runtime gives buffers back on another thread some
 * time after it, so the least of a few looks is what is alive.
 */
export function liveBytes(): number {
  let least = Infinity;
  for (let left = TRIES; left > 0; left--) {
    collect();
    Atomics.wait(nobody, 0, 0, PAUSE_MS);
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    least = Math.min(least, heapUsed + arrayBuffers);
  }
  return least;
}
