import type { CollateralGetter } from '../attestation/collateral.js';
import type { PlatformEvidence } from '../attestation/evidence/attestation.js';
import type { EvidenceSource } from '../attestation/evidence/evidence-source.js';
import { parseNsmDocument } from '../attestation/nitro/document.js';
import { parseQuote } from '../attestation/tdx/quote.js';
import { EvidenceSourceError } from '../errors/evidence-source-error.js';
import { createDevelopmentNsm } from './development-nsm.js';
import { createDevelopmentCollateralGetter } from './tdx-collateral.js';
import { createDevelopmentTdxPki } from './tdx-pki.js';
import { createDevelopmentQuoter } from './tdx-quote.js';

/** Makes evidence with a recording's measurements and a development signature. */
export interface FixtureSigner {
  /** DER. */
  readonly root: Uint8Array;
  readonly collateral: CollateralGetter | null;
  readonly nsmDocument: EvidenceSource['nsmDocument'];
  /** @param reportData 64 bytes */
  resign(reportData: Uint8Array): Promise<PlatformEvidence>;
}

/**
 * @param clock Unix seconds
 * @throws EvidenceSourceError NOT_THIS_PLATFORM for evidence other than TDX and Nitro Enclave, whose
 *   further signatures (vTPM, VCEK) this PKI has no keys for
 */
export function createFixtureSigner(recorded: PlatformEvidence, seed: Uint8Array, clock: () => number): FixtureSigner {
  switch (recorded.kind) {
    case 'tdx':
      return tdxSigner(recorded, seed, clock);
    case 'nitro-enclave':
      return nitroSigner(recorded.nsmQuote, seed, clock);
    default:
      throw new EvidenceSourceError('NOT_THIS_PLATFORM', `recorded ${recorded.kind} evidence cannot be signed anew; leave the seed out`);
  }
}

/** TCB and module of the quote are the development machine's: they belong to who signs, not to what is measured. */
function tdxSigner(recorded: PlatformEvidence & { readonly kind: 'tdx' }, seed: Uint8Array, clock: () => number): FixtureSigner {
  const { report } = parseQuote(recorded.quote);
  if (report.kind === 'sgx') throw new EvidenceSourceError('NOT_THIS_PLATFORM', 'the recorded quote is of SGX, not TDX');
  const pki = createDevelopmentTdxPki(seed);
  const quoter = createDevelopmentQuoter(seed, pki);
  return {
    root: pki.root,
    collateral: createDevelopmentCollateralGetter(pki, clock),
    nsmDocument: null,
    resign: async (reportData) => ({ ...recorded, quote: quoter.quote(report, reportData) }),
  };
}

function nitroSigner(nsmQuote: Uint8Array, seed: Uint8Array, clock: () => number): FixtureSigner {
  const { pcrs, moduleId } = parseNsmDocument(nsmQuote);
  const nsm = createDevelopmentNsm({ seed, clock, pcrs, moduleId, indefiniteMaps: true });
  return {
    root: nsm.root,
    collateral: null,
    nsmDocument: nsm.document,
    resign: async (reportData) => ({ kind: 'nitro-enclave', nsmQuote: await nsm.document({ userData: reportData, nonce: null, publicKey: null }) }),
  };
}
