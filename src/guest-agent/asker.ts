import type { Asker } from '../attestation/evidence/evidence-source.js';

/** Below what a call may take (30 s), so that those who wait for shared evidence hear why there is none. */
const SHARED_WAIT_MS = 25_000;

/** Evidence the agent makes for itself, and shares among its callers: one peer of the quote service for each use. */
export function ownAsker(use: string): Asker {
  return { peer: `agent ${use}`, waitMs: SHARED_WAIT_MS };
}
