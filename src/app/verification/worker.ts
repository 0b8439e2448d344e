// A thread that verifies evidence.
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import type { ThreadData } from './messages.js';

/** Nice value: a third of the main thread's share when both want a core. */
const BEHIND = 5;

/** On Linux a priority is a thread's: where cores are short, whoever answers calls goes first. */
function standBack(): void {
  try {
    setPriority(BEHIND);
  } catch {
    // Not allowed here: the threads are then equals.
  }
}

standBack();
// Not before: reading the verifier's modules takes longer than any verification.
const { serve } = await import('./serve.js');
const { useNativeP256 } = await import('../native-p256.js');
useNativeP256();
if (parentPort !== null) serve(parentPort, workerData as ThreadData);
