import type { Asker } from '../attestation/evidence/evidence-source.js';
import { fairnessKey } from '../caller/peer-key.js';
import type { CallContext } from '../http/method.js';

/** The caller, as the quote service queues for it: by who it is, for as long as it waits. */
export function askerOf({ caller, waitMs }: CallContext): Asker {
  return { peer: fairnessKey(caller.peer), waitMs };
}
