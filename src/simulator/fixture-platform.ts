import type { CollateralGetter } from '../attestation/collateral.js';
import type { Attestation, PlatformEvidence } from '../attestation/evidence/attestation.js';
import { teeVariantOf } from '../attestation/evidence/attestation.js';
import type { EvidenceSource } from '../attestation/evidence/evidence-source.js';
import { decodeAttestation } from '../attestation/wire/decode.js';
import { EvidenceSourceError } from '../errors/evidence-source-error.js';
import { createFixtureSigner } from './fixture-signer.js';

export interface FixtureOptions {
  /** A recorded versioned attestation, V0 or V1. */
  readonly attestation: Uint8Array;
  /** Overwrite the recorded report data with the caller's; otherwise the recording is answered as it is. */
  readonly patchReportData: boolean;
  /** 32 bytes: sign patched evidence anew under this seed's development PKI. null leaves the signature broken. */
  readonly seed: Uint8Array | null;
  /** Unix seconds, fractions count; dates re-signed documents and collateral. */
  readonly clock: () => number;
}

/** Evidence out of a recording, as the public simulator makes it (spec/guest-agent.md section 12). */
export interface FixtureEvidence extends EvidenceSource {
  readonly development: true;
  readonly emitEvent: null;
  /**
   * How GetQuote answers on this source: `simulator` fills `attestation` (V1) beside the quote and refuses
   * platforms without a TDX quote, whereas a device fills one or the other.
   */
  readonly quoteAnswer: 'simulator';
  /** The recording, unpatched: what Info reads the application's identity from. */
  readonly recorded: Attestation;
  /** Development roots of re-signed evidence, DER; none without a seed. */
  readonly roots: readonly Uint8Array[];
  /** Collateral of re-signed quotes; null without a seed or off TDX. */
  readonly collateral: CollateralGetter | null;
}

/**
 * The recording's wire version is kept. With a seed the evidence has the same measurements and development
 * signatures; that of a NitroTPM cannot be signed anew.
 * @throws VerificationError ATTESTATION_MALFORMED, QUOTE_MALFORMED or NSM_DOCUMENT_MALFORMED for an
 *   unreadable recording; EvidenceSourceError DEVICE_FAILED for one too short to patch or with PCRs no quote can be of, NOT_THIS_PLATFORM for a seed on a platform that cannot be
 *   signed anew; TypeError for a seed of another length
 */
export function createFixtureEvidence(options: FixtureOptions): FixtureEvidence {
  const recorded = decodeAttestation(options.attestation);
  const signer = options.seed === null ? null : createFixtureSigner(recorded.platform, options.seed, options.clock);
  if (options.patchReportData) patched(recorded.platform, recorded.stack.reportData); // fails now rather than at the first call
  return {
    variant: teeVariantOf(recorded.platform),
    development: true,
    emitEvent: null,
    quoteAnswer: 'simulator',
    recorded,
    roots: signer?.roots ?? [],
    collateral: signer?.collateral ?? null,
    nsmDocument: signer?.nsmDocument ?? null,
    async attest(reportData, signal) {
      if (reportData.length !== 64) throw new TypeError('reportData must be 64 bytes');
      signal?.throwIfAborted();
      if (!options.patchReportData) return recorded;
      const platform = signer === null ? patched(recorded.platform, reportData) : await signer.resign(reportData);
      return { ...recorded, platform, stack: { ...recorded.stack, reportData: Uint8Array.from(reportData) } };
    },
  };
}

/** Where the evidence holds its report data: in a quote of version 5 six bytes later than before (trap T24). */
function patched(platform: PlatformEvidence, reportData: Uint8Array): PlatformEvidence {
  switch (platform.kind) {
    case 'tdx':
      return { ...platform, quote: overwritten(platform.quote, platform.quote[0] === 5 ? 574 : 568, reportData) };
    case 'sev-snp':
      return { ...platform, report: overwritten(platform.report, 0x50, reportData) };
    default:
      return platform;
  }
}

function overwritten(evidence: Uint8Array, offset: number, reportData: Uint8Array): Uint8Array {
  if (evidence.length < offset + reportData.length) {
    throw new EvidenceSourceError('DEVICE_FAILED', `recorded evidence of ${evidence.length} bytes ends before its report data`);
  }
  const copy = Uint8Array.from(evidence);
  copy.set(reportData, offset);
  return copy;
}
