import type { MessagePort } from 'node:worker_threads';
import { verifyAttestation } from '../../attestation/evidence/verify.js';
import { VerifierCache } from '../../attestation/evidence/verifier-cache.js';
import type { FromThread, ThreadData, ToThread } from './messages.js';
import { packError } from './packed-error.js';
import { MainThread } from './main-thread.js';

/** Verifies what comes by the port; everything a thread cannot know comes by it as well. */
export function serve(port: MessagePort, { roots, amdKdsUrl }: ThreadData): void {
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
