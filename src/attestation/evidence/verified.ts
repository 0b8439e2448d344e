import type { TcbFacts } from '../dcap/verify-quote.js';
import type { NsmDocument } from '../nitro/document.js';
import type { MrConfig } from '../sev-snp/mr-config.js';
import type { SnpReport } from '../sev-snp/report.js';
import type { TdReport } from '../tdx/quote.js';
import type { TeeVariant } from '../tee-variant.js';
import type { VerifiedTpmQuote } from '../tpm/verify.js';
import type { Attestation } from './attestation.js';

/** Signed facts by platform, for appraisal and image verification. */
export type PlatformClaims =
  | { readonly kind: 'tdx'; readonly report: TdReport; readonly ppid: Uint8Array }
  | { readonly kind: 'gcp-tdx'; readonly report: TdReport; readonly ppid: Uint8Array; readonly tpm: VerifiedTpmQuote }
  | { readonly kind: 'nitro-enclave'; readonly document: NsmDocument }
  | { readonly kind: 'sev-snp'; readonly report: SnpReport; readonly mrConfig: MrConfig };

/** Evidence that passed every authenticity check at `verifiedAt`. */
export interface VerifiedAttestation {
  readonly variant: TeeVariant;
  readonly attestation: Attestation;
  /** 64 bytes, signed by the hardware. */
  readonly reportData: Uint8Array;
  readonly platform: PlatformClaims;
  /** TCB status text, Intel's or one of its words for SEV-SNP; "" where the platform has none (Nitro Enclave). */
  readonly tcbStatus: string;
  readonly advisoryIds: readonly string[];
  /** Age and edition of Intel's judgement; null where the platform has none. */
  readonly tcb: TcbFacts | null;
  /** Unix seconds. */
  readonly verifiedAt: number;
  /** Unix seconds after which some input of the verdict (certificate, CRL, TCB info) has expired. */
  readonly validUntil: number;
}
