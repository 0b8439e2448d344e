import { hex } from '../../crypto/hex.js';
import type { EvidenceSource, NsmRequest } from '../evidence/evidence-source.js';
import type { QuoteService } from './quote-service.js';

/**
 * A source whose evidence is made by its turns in the quote service, whatever the platform. Once an operation
 * has begun nobody's signal ends it: the device is busy with it either way.
 */
export function queuedEvidence(source: EvidenceSource, service: QuoteService): EvidenceSource {
  const { variant, development, nsmDocument, emitEvent } = source;
  // Who asks after an event was measured must not share evidence that was begun before it.
  let generation = 0;
  return {
    variant,
    development,
    async attest(reportData, signal, asker) {
      const bound = Uint8Array.from(reportData);
      return service.ask({ key: `attest ${generation} ${hex(bound)}`, task: () => source.attest(bound) }, asker ?? null, signal ?? null);
    },
    nsmDocument:
      nsmDocument === null
        ? null
        : async (request, signal, asker) => {
            const own = copyOf(request);
            return service.ask({ key: `nsm ${generation} ${nsmKey(own)}`, task: () => nsmDocument(own) }, asker ?? null, signal ?? null);
          },
    emitEvent:
      emitEvent === null
        ? null
        : async (event, payload) => {
            try {
              await emitEvent(event, payload);
            } finally {
              // Also after a failure: the register may have been extended before it.
              generation++;
            }
          },
  };
}

function copyOf({ userData, nonce, publicKey }: NsmRequest): NsmRequest {
  const copy = (field: Uint8Array | null): Uint8Array | null => (field === null ? null : Uint8Array.from(field));
  return { userData: copy(userData), nonce: copy(nonce), publicKey: copy(publicKey) };
}

/** An absent field and an empty one are two things. */
function nsmKey({ userData, nonce, publicKey }: NsmRequest): string {
  return [userData, nonce, publicKey].map((field) => (field === null ? '-' : hex(field))).join(' ');
}
