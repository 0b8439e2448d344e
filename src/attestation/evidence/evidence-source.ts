import type { TeeVariant } from '../tee-variant.js';
import type { Attestation } from './attestation.js';

/** Arguments of an NSM attestation request; published AWS limits: 512, 512 and 1024 bytes. */
export interface NsmRequest {
  readonly userData: Uint8Array | null;
  readonly nonce: Uint8Array | null;
  readonly publicKey: Uint8Array | null;
}

/** On whose behalf evidence is made. Devices take no notice of it; the quote service queues by it. */
export interface Asker {
  /** Who shares a turn with whom: all requests with one value queue behind each other. */
  readonly peer: string;
  /** Milliseconds an answer is of use from now on; null for what the quote service is configured with. */
  readonly waitMs: number | null;
}

/**
 * Where evidence comes from: real devices through the native addon, or the development platform.
 * Implementations never block the event loop; failures are EvidenceSourceError.
 */
export interface EvidenceSource {
  readonly variant: TeeVariant;
  /** True when the evidence is signed by a development root instead of a hardware vendor's. */
  readonly development: boolean;
  /** Full (unstripped) attestation over exactly 64 bytes of report data. `signal` abandons the wait. */
  attest(reportData: Uint8Array, signal?: AbortSignal, asker?: Asker): Promise<Attestation>;
  /** Bare COSE_Sign1 document; null on every platform but the Nitro Enclave. */
  readonly nsmDocument: ((request: NsmRequest, signal?: AbortSignal, asker?: Asker) => Promise<Uint8Array>) | null;
  /** Appends a run-time event (RTMR3 on TDX) to the measured log; null where nothing can be measured. */
  readonly emitEvent: ((event: string, payload: Uint8Array) => Promise<void>) | null;
}
