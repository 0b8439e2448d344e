import { VerificationError } from '../../errors/verification-error.js';
import type { TdxEvent } from '../evidence/attestation.js';
import { eventDigest, eventPreimage, RUNTIME_EVENT_TYPE } from './runtime-event.js';

/**
 * Checks what V2 run-time events say about themselves. Digest and preimage are redundant, and stripped
 * events have lost one or both: what is missing is derived, what is there must be right. (Existing
 * verifiers demand both, and so refuse every stripped V2 event: spec/attestation.md sections 2.7 and T6.)
 * V1 events carry no preimage and their digest is never looked at.
 * @throws VerificationError EVENT_DIGEST_MISMATCH
 */
export function checkV2Events(events: readonly TdxEvent[]): void {
  for (const [i, { eventType, version, event, eventPayload, digest, preimage }] of events.entries()) {
    if (eventType !== RUNTIME_EVENT_TYPE || version !== 2) continue;
    const runtimeEvent = { event, payload: eventPayload, version } as const;
    if (digest.length > 0 && !Buffer.from(eventDigest(runtimeEvent, 'sha384')).equals(digest)) {
      throw new VerificationError('EVENT_DIGEST_MISMATCH', `V2 runtime event ${i} digest does not match its content`);
    }
    if (preimage !== null && preimage.toLowerCase() !== Buffer.from(eventPreimage(runtimeEvent)).toString('hex')) {
      throw new VerificationError('EVENT_DIGEST_MISMATCH', `V2 runtime event ${i} preimage does not match its content`);
    }
  }
}
