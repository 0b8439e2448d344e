// A thread that verifies evidence: everything it cannot know comes by message.
import { setPriority } from 'node:os';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { verifyAttestation } from '../../attestation/evidence/verify.js';
import { VerifierCache } from '../../attestation/evidence/verifier-cache.js';
import type { FromThread, ThreadData, ToThread } from './messages.js';
import { packError } from './packed-error.js';
import { MainThread } from './main-thread.js';

/** Nice value: a third of the main thread's share when both want a core. */
const BEHIND = 5;

function serve(port: MessagePort, { roots, amdKdsUrl }: ThreadData): void {
  const cache = new VerifierCache();
  const main = new MainThread(port);
  const send = (message: FromThread): void => port.postMessage(message);
  port.on('message', (message: ToThread) => {
    if (message.kind === 'answer') {
      main.answered(message.question, message.answer);
      return;
    }
    const { job, attestation, now } = message;
    verifyAttestation(attestation, { now, roots, amdKdsUrl, cache, collateral: main, certificates: main }).then(
      ({ attestation: _sent, ...verified }) => send({ kind: 'verified', job, verified }),
      (error: unknown) => send({ kind: 'refused', job, error: packError(error) }),
    );
  });
}

/** On Linux a priority is a thread's: where cores are short, whoever answers calls goes first. */
function standBack(): void {
  try {
    setPriority(BEHIND);
  } catch {
    // Not allowed here: the threads are then equals.
  }
}

standBack();
if (parentPort !== null) serve(parentPort, workerData as ThreadData);
