import { createHash } from 'node:crypto';
import type { CollateralGetter } from '../attestation/collateral.js';
import type { PlatformEvidence } from '../attestation/evidence/attestation.js';
import type { EvidenceSource } from '../attestation/evidence/evidence-source.js';
import { parseNsmDocument } from '../attestation/nitro/document.js';
import { productOf } from '../attestation/sev-snp/product.js';
import { parseSnpReport } from '../attestation/sev-snp/report.js';
import { parseQuote, type TdReport } from '../attestation/tdx/quote.js';
import { EvidenceSourceError } from '../errors/evidence-source-error.js';
import { createDevelopmentNsm } from './development-nsm.js';
import { snpCertificateChain } from './snp-certificates.js';
import { createDevelopmentSnpPki, DEFAULT_PRODUCT } from './snp-pki.js';
import { signSnpReport } from './snp-report.js';
import { createDevelopmentCollateralGetter } from './tdx-collateral.js';
import { createDevelopmentTdxPki } from './tdx-pki.js';
import { createDevelopmentQuoter } from './tdx-quote.js';
import { createDevelopmentTpmPki } from './tpm-pki.js';
import { signTpmQuote } from './vtpm.js';

/** Makes evidence with a recording's measurements and development signatures. */
export interface FixtureSigner {
  /** DER. */
  readonly roots: readonly Uint8Array[];
  readonly collateral: CollateralGetter | null;
  readonly nsmDocument: EvidenceSource['nsmDocument'];
  /** @param reportData 64 bytes */
  resign(reportData: Uint8Array): Promise<PlatformEvidence>;
}

/** PCRs a selection of three octets can name (TPM 2.0 Library Part 2, section 10.6.2). */
const MAX_PCRS = 24;

/**
 * @param clock Unix seconds
 * @throws EvidenceSourceError NOT_THIS_PLATFORM for evidence of a NitroTPM, which this PKI has no keys for, or of SGX;
 *   DEVICE_FAILED for PCR values no quote can be of
 */
export function createFixtureSigner(recorded: PlatformEvidence, seed: Uint8Array, clock: () => number): FixtureSigner {
  switch (recorded.kind) {
    case 'tdx':
      return tdxSigner(recorded, seed, clock);
    case 'gcp-tdx':
      return gcpSigner(recorded, seed, clock);
    case 'nitro-enclave':
      return nitroSigner(recorded.nsmQuote, seed, clock);
    case 'sev-snp':
      return snpSigner(recorded, seed);
    default:
      throw new EvidenceSourceError('NOT_THIS_PLATFORM', `recorded ${recorded.kind} evidence cannot be signed anew; leave the seed out`);
  }
}

/** TCB and module of the quote are the development machine's: they belong to who signs, not to what is measured. */
function tdxSigner(recorded: PlatformEvidence & { readonly kind: 'tdx' }, seed: Uint8Array, clock: () => number): FixtureSigner {
  const report = domainOf(recorded.quote);
  const pki = createDevelopmentTdxPki(seed);
  const quoter = createDevelopmentQuoter(seed, pki);
  return {
    roots: [pki.root],
    collateral: createDevelopmentCollateralGetter(pki, clock),
    nsmDocument: null,
    resign: async (reportData) => ({ ...recorded, quote: quoter.quote(report, reportData) }),
  };
}

function gcpSigner(recorded: PlatformEvidence & { readonly kind: 'gcp-tdx' }, seed: Uint8Array, clock: () => number): FixtureSigner {
  const report = domainOf(recorded.quote);
  const { pcrValues, eventLog } = recorded.tpmQuote;
  const isOneSelection = pcrValues.every(({ index }, i) => index < MAX_PCRS && index > (pcrValues[i - 1]?.index ?? -1));
  if (!isOneSelection) throw new EvidenceSourceError('DEVICE_FAILED', `recorded PCR values are not ascending and below ${MAX_PCRS}`);
  const pki = createDevelopmentTdxPki(seed);
  const quoter = createDevelopmentQuoter(seed, pki);
  const tpmPki = createDevelopmentTpmPki(seed);
  return {
    roots: [pki.root, tpmPki.root],
    collateral: createDevelopmentCollateralGetter(pki, clock),
    nsmDocument: null,
    async resign(reportData) {
      const quote = quoter.quote(report, reportData);
      const qualifyingData = createHash('sha256').update(quote).digest();
      return { ...recorded, quote, tpmQuote: signTpmQuote(tpmPki, { qualifyingData, pcrValues, eventLog, upMs: 0 }) };
    },
  };
}

function domainOf(quote: Uint8Array): TdReport {
  const { report } = parseQuote(quote);
  if (report.kind === 'sgx') throw new EvidenceSourceError('NOT_THIS_PLATFORM', 'the recorded quote is of SGX, not TDX');
  return report;
}

function nitroSigner(nsmQuote: Uint8Array, seed: Uint8Array, clock: () => number): FixtureSigner {
  const { pcrs, moduleId } = parseNsmDocument(nsmQuote);
  const nsm = createDevelopmentNsm({ seed, clock, pcrs, moduleId, indefiniteMaps: true });
  return {
    roots: [nsm.root],
    collateral: null,
    nsmDocument: nsm.document,
    resign: async (reportData) => ({ kind: 'nitro-enclave', nsmQuote: await nsm.document({ userData: reportData, nonce: null, publicKey: null }) }),
  };
}

/** Chip and firmware are the development machine's, its certificates come along. */
function snpSigner(recorded: PlatformEvidence & { readonly kind: 'sev-snp' }, seed: Uint8Array): FixtureSigner {
  const report = parseSnpReport(recorded.report);
  const pki = createDevelopmentSnpPki(seed, { product: report.cpuId === null ? DEFAULT_PRODUCT : productOf(report.cpuId) });
  const certChain = snpCertificateChain(pki, 'pair');
  return {
    roots: [pki.root],
    collateral: null,
    nsmDocument: null,
    resign: async (reportData) => ({ ...recorded, report: await signSnpReport({ ...report, reportData }, pki), certChain }),
  };
}
