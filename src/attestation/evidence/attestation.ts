import type { TeeVariant } from '../tee-variant.js';

/** One event of a boot or run-time log (spec/attestation.md section 2.2). */
export interface TdxEvent {
  /** RTMR index, 0 to 3. */
  readonly imr: number;
  /** TCG event type, or 0x08000001 for run-time events. */
  readonly eventType: number;
  /** SHA-384 digest, 48 bytes; empty in stripped run-time events. Never trusted for run-time events. */
  readonly digest: Uint8Array;
  readonly event: string;
  readonly eventPayload: Uint8Array;
  readonly version: 1 | 2;
  /** Hex text of the V2 digest preimage, or null. */
  readonly preimage: string | null;
}

/** An event an application or the boot flow emitted (spec/attestation.md section 2.3). */
export interface RuntimeEvent {
  readonly event: string;
  readonly payload: Uint8Array;
  readonly version: 1 | 2;
}

export interface PcrValue {
  readonly index: number;
  readonly algorithm: string;
  readonly value: Uint8Array;
}

export interface TpmEvent {
  readonly pcrIndex: number;
  readonly digest: Uint8Array;
}

/** A vTPM quote as it travels (spec/attestation.md section 3.2). */
export interface TpmQuote {
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
  readonly pcrValues: readonly PcrValue[];
  readonly akCert: Uint8Array;
  /** Wire name: dstack, gcp, nitroenclave or aws-ec2. */
  readonly platform: 'dstack' | 'gcp' | 'nitroenclave' | 'aws-ec2';
  readonly eventLog: readonly TpmEvent[];
}

export type PlatformEvidence =
  | { readonly kind: 'tdx'; readonly quote: Uint8Array; readonly eventLog: readonly TdxEvent[] }
  | { readonly kind: 'gcp-tdx'; readonly quote: Uint8Array; readonly eventLog: readonly TdxEvent[]; readonly tpmQuote: TpmQuote }
  | { readonly kind: 'nitro-enclave'; readonly nsmQuote: Uint8Array }
  | { readonly kind: 'aws-nitro-tpm'; readonly attestationDoc: Uint8Array }
  | { readonly kind: 'sev-snp'; readonly report: Uint8Array; readonly certChain: readonly Uint8Array[]; readonly mrConfig: string };

export interface StackEvidence {
  readonly kind: 'dstack' | 'dstack-pod';
  /** 64 bytes. */
  readonly reportData: Uint8Array;
  readonly runtimeEvents: readonly RuntimeEvent[];
  /** VmConfig JSON, a whole system configuration, or "". */
  readonly config: string;
  /** Only for dstack-pod. */
  readonly reportDataPayload: string | null;
}

/** A decoded versioned attestation: what was sent, nothing of it verified yet. */
export interface Attestation {
  /** The wire format it came in, or should be written in. */
  readonly wire: 'v0' | 'v1';
  readonly platform: PlatformEvidence;
  readonly stack: StackEvidence;
}

const VARIANTS: Readonly<Record<PlatformEvidence['kind'], TeeVariant>> = {
  tdx: 'dstack-tdx',
  'gcp-tdx': 'dstack-gcp-tdx',
  'nitro-enclave': 'dstack-nitro-enclave',
  'aws-nitro-tpm': 'dstack-aws-nitro-tpm',
  'sev-snp': 'dstack-amd-sev-snp',
};

export function teeVariantOf(platform: PlatformEvidence): TeeVariant {
  return VARIANTS[platform.kind];
}
