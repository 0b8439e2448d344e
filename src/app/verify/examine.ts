import { judge, type Verdict } from '../../attestation/appraisal/appraise.js';
import { type AppraisalPolicy, STRICT_POLICY } from '../../attestation/appraisal/policy.js';
import { TCB_STATUSES } from '../../attestation/dcap/tcb-status.js';
import { DEFAULT_AMD_KDS_URL, NO_CERTIFICATES } from '../../attestation/certificate-fetcher.js';
import type { PlatformEvidence } from '../../attestation/evidence/attestation.js';
import { appInfo } from '../../attestation/evidence/measurements.js';
import { checkQuoteSignatures, pckChainOf } from '../../attestation/evidence/quote-signatures.js';
import { verifyAttestation, type VerifyOptions, verifyQuoteBytes } from '../../attestation/evidence/verify.js';
import { type NsmDocument, parseNsmDocument } from '../../attestation/nitro/document.js';
import { isDebugEnclave, verifyNsmDocument } from '../../attestation/nitro/verify.js';
import { carriedCertificates } from '../../attestation/sev-snp/certificates.js';
import { parseSnpReport } from '../../attestation/sev-snp/report.js';
import { verifySnpReport } from '../../attestation/sev-snp/verify.js';
import { parseQuote, type Quote } from '../../attestation/tdx/quote.js';
import { decodeAttestation } from '../../attestation/wire/decode.js';
import { AppraisalError } from '../../errors/appraisal-error.js';
import { CollateralError } from '../../errors/collateral-error.js';
import { appInfoClaims, appraisalClaims, attestationClaims, type Claims, nsmClaims, quoteClaims, snpClaims, verdictClaims } from './claims.js';
import type { VerifyInput } from './input.js';
import type { NeededAnchor } from './roots.js';

/** A file holds no policy: any status Intel does not revoke is shown and left to the reader, debug mode never is. */
const FILE_POLICY: AppraisalPolicy = { ...STRICT_POLICY, acceptedTcbStatuses: TCB_STATUSES, acceptedAdvisoryIds: 'any' };

/** Evidence that was decoded. */
export interface Examination {
  /** The trust anchors it is verified under; none when this release verifies none of its kind. */
  readonly anchors: readonly NeededAnchor[];
  /** Nothing of it verified. */
  readonly claims: Claims;
  /** @throws VerificationError, AppraisalError, CollateralError */
  verify(options: VerifyOptions): Promise<Confirmed>;
}

/** Evidence that was verified. */
export interface Confirmed {
  readonly claims: Claims;
  /** What the hardware signed; empty when it signed none. */
  readonly reportData: Uint8Array;
  /** @throws AppraisalError when nobody should accept it, genuine or not */
  appraise(): void;
}

/** Decodes evidence of any kind. @throws VerificationError */
export function examine({ kind, bytes }: VerifyInput): Examination {
  if (kind === 'quote') return examineQuote(parseQuote(bytes));
  if (kind === 'snp-report') return examineReport(bytes);
  return kind === 'nsm-document' ? examineDocument(bytes) : examineAttestation(bytes);
}

function examineQuote(quote: Quote): Examination {
  const claims = quoteClaims(quote);
  return {
    anchors: [{ technology: 'tdx', certificates: () => pckChainOf(quote) }],
    claims,
    verify: async (options) => {
      const verdict = await verifyQuoteBytes(quote, options).catch((error: unknown) => explainMissingCollateral(error, quote, options));
      return { claims: { ...claims, ...verdictClaims(verdict) }, reportData: verdict.report.reportData, appraise: () => undefined };
    },
  };
}

/** Without collateral nothing is accepted, but a forgery should not be reported as a lack of collateral. */
function explainMissingCollateral(error: unknown, quote: Quote, { now, roots }: VerifyOptions): never {
  if (error instanceof CollateralError) checkQuoteSignatures(quote, { now, root: roots.tdx });
  throw error;
}

/** A bare report has no certificates beside it: all are among the recorded answers. */
function examineReport(bytes: Uint8Array): Examination {
  const report = parseSnpReport(bytes);
  const claims = snpClaims(report);
  return {
    anchors: [{ technology: 'sevSnp', certificates: () => [] }],
    claims,
    verify: async ({ now, roots, certificates = NO_CERTIFICATES, amdKdsUrl = DEFAULT_AMD_KDS_URL }) => {
      const verdict = await verifySnpReport(report, [], { now, roots: roots.sevSnp, certificates, kdsUrl: amdKdsUrl });
      return { claims: { ...claims, ...verdict }, reportData: report.reportData, appraise: () => undefined };
    },
  };
}

function examineDocument(bytes: Uint8Array): Examination {
  const document = parseNsmDocument(bytes);
  const claims = nsmClaims(document);
  return {
    anchors: [{ technology: 'nitroEnclave', certificates: () => [document.certificate, ...document.cabundle] }],
    claims,
    verify: async ({ now, roots }) => {
      const { validUntil } = verifyNsmDocument(bytes, { nowMs: now * 1000, root: roots.nitroEnclave });
      return { claims: { ...claims, validUntil }, reportData: document.userData ?? new Uint8Array(), appraise: () => refuseDebug(document) };
    },
  };
}

function refuseDebug(document: NsmDocument): void {
  if (isDebugEnclave(document)) throw new AppraisalError('DEBUG_MODE', 'the enclave ran in debug mode: its PCR0, PCR1 and PCR2 are zeros');
}

function examineAttestation(bytes: Uint8Array): Examination {
  const attestation = decodeAttestation(bytes);
  const claims = attestationClaims(attestation);
  return {
    anchors: anchorsOf(attestation.platform),
    claims,
    verify: async (options) => {
      const verified = await verifyAttestation(attestation, options);
      const { tcbStatus, advisoryIds, validUntil } = verified;
      const views = {
        appInfo: appInfoClaims(appInfo(verified, { view: 'runtime' })),
        appInfoBootTime: appInfoClaims(appInfo(verified, { view: 'boot-time' })),
      };
      const verdict = judge(verified, FILE_POLICY);
      return {
        claims: { ...claims, tcbStatus, advisoryIds, validUntil, ...views, appraisal: appraisalClaims(verdict) },
        reportData: verified.reportData,
        appraise: () => throwFirst(verdict),
      };
    },
  };
}

function throwFirst({ reasons: [reason] }: Verdict): void {
  if (reason !== undefined) throw reason;
}

function anchorsOf(platform: PlatformEvidence): readonly NeededAnchor[] {
  switch (platform.kind) {
    case 'tdx':
      return [{ technology: 'tdx', certificates: () => pckChainOf(parseQuote(platform.quote)) }];
    case 'gcp-tdx':
      // The attestation key's certificate names an intermediate: which root that one names is not known before it is fetched.
      return [{ technology: 'tdx', certificates: () => pckChainOf(parseQuote(platform.quote)) }, { technology: 'gcpTpm', certificates: () => [platform.tpmQuote.akCert] }];
    case 'nitro-enclave':
      return [{ technology: 'nitroEnclave', certificates: () => nsmCertificates(platform.nsmQuote) }];
    case 'sev-snp':
      return [{ technology: 'sevSnp', certificates: () => snpCertificates(platform.certChain) }];
    default:
      return [];
  }
}

function nsmCertificates(nsmQuote: Uint8Array): readonly Uint8Array[] {
  const { certificate, cabundle } = parseNsmDocument(nsmQuote);
  return [certificate, ...cabundle];
}

function snpCertificates(chain: readonly Uint8Array[]): readonly Uint8Array[] {
  const { intermediate, leaf } = carriedCertificates(chain, 'vcek');
  return [intermediate, leaf].flatMap((certificate) => (certificate === null ? [] : [certificate.raw]));
}
