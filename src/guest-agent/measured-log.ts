import type { EvidenceSource } from '../attestation/evidence/evidence-source.js';
import { invalidArgument } from '../errors/service-error.js';
import { unsupportedPlatform } from './unsupported-platform.js';

/** Bytes of UTF-8. */
const MAX_EVENT_NAME = 256;
/** Bytes. All events travel in every RA-TLS certificate of the instance, and TLS peers refuse certificates above 100 KiB. */
const MAX_PAYLOAD = 64 * 1024;

/** Names the identity of an instance is read from; only the boot flow may emit them (spec/attestation.md section 2.4). */
const BOOT_EVENTS: ReadonlySet<string> = new Set([
  'system-preparing', 'app-id', 'compose-hash', 'init-script-hash', 'gpu-policy-hash', 'gpu-attestation', 'instance-id', 'boot-mr-done',
  'os-image-hash', 'mr-kms', 'key-provider', 'storage-fs', 'system-ready',
]);

/** Appends to the measured log, and tells caches when it grew. */
export interface MeasuredLog {
  /**
   * An event of an application (spec/guest-agent.md section 6.10). It cannot be undone.
   * @throws ServiceError INVALID_ARGUMENT (empty, long or reserved name, long payload), UNSUPPORTED_PLATFORM
   */
  emit(event: string, payload: Uint8Array): Promise<void>;
  /** An event of the boot flow; does nothing where nothing can be measured. */
  emitBoot(event: string, payload: Uint8Array): Promise<void>;
  /** Grows with every event; evidence made at another value is out of date. */
  generation(): number;
}

export function createMeasuredLog(evidence: EvidenceSource): MeasuredLog {
  let generation = 0;
  const append = async (event: string, payload: Uint8Array): Promise<void> => {
    try {
      await evidence.emitEvent?.(event, payload);
    } finally {
      // Also after a failure: the register may have been extended before it.
      generation += 1;
    }
  };
  return {
    async emit(event, payload) {
      const length = Buffer.byteLength(event);
      if (length === 0 || length > MAX_EVENT_NAME) throw invalidArgument(`event must be 1 to ${MAX_EVENT_NAME} bytes`);
      if (payload.length > MAX_PAYLOAD) throw invalidArgument(`payload is ${payload.length} bytes, at most ${MAX_PAYLOAD}`);
      if (BOOT_EVENTS.has(event)) throw invalidArgument(`event ${event} is reserved for the boot flow`);
      if (evidence.emitEvent === null) throw unsupportedPlatform(evidence.variant, 'A measured event log', 'the report data of POST /Attest');
      await append(event, payload);
    },
    emitBoot: append,
    generation: () => generation,
  };
}
