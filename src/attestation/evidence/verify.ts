import { createHash } from 'node:crypto';
import { REPORT_DATA_TAG, taggedReportData } from '../../crypto/report-data.js';
import { AppraisalError } from '../../errors/appraisal-error.js';
import { VerificationError } from '../../errors/verification-error.js';
import { withContext } from '../../errors/with-context.js';
import { type CertificateFetcher, DEFAULT_AMD_KDS_URL, NO_CERTIFICATES } from '../certificate-fetcher.js';
import type { CollateralGetter } from '../collateral.js';
import { isAllZero } from '../dcap/masked-equal.js';
import { collateralRequestOf } from '../dcap/pck-chain.js';
import { type QuoteVerdict, verifyQuoteWith } from '../dcap/verify-quote.js';
import { replayRuntimeEvents } from '../event-log/replay.js';
import { checkV2Events } from '../event-log/v2-events.js';
import { verifyNsmDocument } from '../nitro/verify.js';
import { parseQuote, type Quote, type TdReport } from '../tdx/quote.js';
import { type Pcrs, quotedPcr } from '../tpm/pcrs.js';
import { verifyTpmQuote } from '../tpm/verify.js';
import { PLATFORM_NAMES } from '../tee-variant.js';
import type { TrustRoots } from '../trust-roots.js';
import { type Attestation, type PlatformEvidence, type StackEvidence, teeVariantOf } from './attestation.js';
import { checkQuoteSignatures } from './quote-signatures.js';
import type { VerifiedAttestation } from './verified.js';
import type { VerifierCache } from './verifier-cache.js';
import { verifySevSnp } from './verify-sev-snp.js';

export interface VerifyOptions {
  /** Unix seconds; fractions count where the evidence has them. */
  readonly now: number;
  readonly roots: TrustRoots;
  readonly collateral: CollateralGetter;
  /** Looks up what certificates of vTPM keys point to, and certificates of AMD's; nothing can be looked up unless given. */
  readonly certificates?: CertificateFetcher;
  /** Base address of AMD's Key Distribution Service, up to and with `/vcek/v1`; AMD's own unless given. */
  readonly amdKdsUrl?: string;
  readonly cache: VerifierCache;
}

/**
 * Is this attestation genuine, as of `options.now`? The vendor's part first, then what binds event log and
 * report data to it (spec/attestation.md section 5.2). Whether it is acceptable is for `appraise`.
 * @throws VerificationError with the code of the first check that failed
 * @throws AppraisalError DEBUG_MODE for a debuggable trust domain or SEV-SNP guest, PLATFORM_NOT_SUPPORTED for platforms this release does not verify
 * @throws CollateralError when the getter could not deliver
 */
export async function verifyAttestation(attestation: Attestation, options: VerifyOptions): Promise<VerifiedAttestation> {
  const { platform, stack } = attestation;
  checkPodPayload(stack);
  switch (platform.kind) {
    case 'tdx':
      return verifyTdx(attestation, platform, options);
    case 'gcp-tdx':
      return verifyGcpTdx(attestation, platform, options);
    case 'nitro-enclave':
      return verifyNitro(attestation, platform.nsmQuote, options);
    case 'sev-snp': {
      const { now, roots, certificates = NO_CERTIFICATES, amdKdsUrl = DEFAULT_AMD_KDS_URL } = options;
      return verifySevSnp(attestation, platform, { now, roots: roots.sevSnp, certificates, kdsUrl: amdKdsUrl });
    }
    default:
      throw new AppraisalError('PLATFORM_NOT_SUPPORTED', `evidence of ${PLATFORM_NAMES[teeVariantOf(platform)]} cannot be verified by this release`);
  }
}

/**
 * Verifies a bare TDX or SGX quote with collateral from the getter.
 * @throws as `verifyAttestation`
 */
export async function verifyQuoteBytes(quote: Uint8Array | Quote, { now, roots, collateral, cache }: VerifyOptions): Promise<QuoteVerdict> {
  const parsed = quote instanceof Uint8Array ? parseQuote(quote) : quote;
  const request = collateralRequestOf(parsed, (der) => cache.certificates.parse(der));
  const fetched = await collateral.getCollateral(request, () => checkQuoteSignatures(parsed, { now, root: roots.tdx }));
  return verifyQuoteWith(cache.checked(request, fetched, { root: roots.tdx, now }), parsed, now);
}

async function verifyTdx(attestation: Attestation, platform: Extract<PlatformEvidence, { kind: 'tdx' }>, options: VerifyOptions): Promise<VerifiedAttestation> {
  const { stack } = attestation;
  const verdict = await verifyQuoteBytes(platform.quote, options);
  const report = intelModuleReport(verdict);
  checkRtmr3(report, stack);
  if (Buffer.compare(report.reportData, stack.reportData) !== 0) throw new VerificationError('REPORT_DATA_MISMATCH', 'tdx report_data mismatch');
  checkV2Events(platform.eventLog);
  return {
    variant: 'dstack-tdx',
    attestation,
    reportData: report.reportData,
    platform: { kind: 'tdx', report, ppid: verdict.ppid },
    tcbStatus: verdict.status,
    advisoryIds: verdict.advisoryIds,
    tcb: verdict.tcb,
    verifiedAt: options.now,
    validUntil: verdict.validUntil,
  };
}

/** The report of a trust domain under a module Intel signed: then, and only then, the signer register is zero. */
function intelModuleReport({ report }: QuoteVerdict): TdReport {
  if (report.kind === 'sgx') throw new VerificationError('QUOTE_BODY_NOT_FOR_TEE', 'the quote is not of a trust domain');
  if (!isAllZero(report.mrSignerSeam)) throw new VerificationError('TDX_MODULE_SIGNER_NOT_INTEL', 'the TDX module is not signed by Intel');
  return report;
}

/** All run-time events count, those of applications too: the register does not know the difference. */
function checkRtmr3(report: TdReport, { runtimeEvents }: StackEvidence): void {
  const quoted = Buffer.from(report.rtmrs[3]);
  const replayed = Buffer.from(replayRuntimeEvents(runtimeEvents, 'sha384'));
  if (quoted.equals(replayed)) return;
  throw new VerificationError('RTMR3_MISMATCH', `RTMR3 mismatch, quoted: ${quoted.toString('hex')}, replayed: ${replayed.toString('hex')}`);
}

/**
 * Both proofs, and that they are of one machine: the vTPM signed the hash of the whole quote buffer, its padding included
 * (trap T4), and PCR 14 holds the events that RTMR3 holds.
 */
async function verifyGcpTdx(attestation: Attestation, platform: Extract<PlatformEvidence, { kind: 'gcp-tdx' }>, options: VerifyOptions): Promise<VerifiedAttestation> {
  const { quote, eventLog, tpmQuote } = platform;
  const domain = await verifyTdx(attestation, { kind: 'tdx', quote, eventLog }, options);
  const { now, roots, certificates = NO_CERTIFICATES } = options;
  const tpm = await verifyTpmQuote(tpmQuote, { now, root: roots.gcpTpm, certificates }).catch((error: unknown) => {
    throw withContext(error, 'failed to verify TPM quote');
  });
  if (!createHash('sha256').update(quote).digest().equals(tpm.extraData)) {
    throw new VerificationError('TPM_QUALIFYING_DATA_MISMATCH', 'tpm qualified_data mismatch');
  }
  checkGcpPcrs(tpm.pcrs, attestation.stack);
  if (domain.platform.kind !== 'tdx') throw new TypeError('a verified trust domain is of kind tdx');
  return { ...domain, variant: 'dstack-gcp-tdx', platform: { ...domain.platform, kind: 'gcp-tdx', tpm }, validUntil: Math.min(domain.validUntil, tpm.validUntil) };
}

/** PCR 14 by its events; PCR 0 and 2, which measurements are made of, must be there. */
function checkGcpPcrs(pcrs: Pcrs, { runtimeEvents }: StackEvidence): void {
  quotedPcr(pcrs, 0);
  quotedPcr(pcrs, 2);
  const quoted = Buffer.from(quotedPcr(pcrs, 14));
  const replayed = Buffer.from(replayRuntimeEvents(runtimeEvents, 'sha256'));
  if (quoted.equals(replayed)) return;
  throw new VerificationError('TPM_PCR14_MISMATCH', `PCR14 mismatch, quoted: ${quoted.toString('hex')}, replayed: ${replayed.toString('hex')}`);
}

function verifyNitro(attestation: Attestation, nsmQuote: Uint8Array, { now, roots, cache }: VerifyOptions): VerifiedAttestation {
  const { document, validUntil } = verifiedDocument(nsmQuote, { nowMs: now * 1000, root: roots.nitroEnclave, memory: cache.certificates });
  const { userData } = document;
  if (userData === null) throw new VerificationError('NSM_USER_DATA_MISSING', 'NSM attestation document does not contain user_data');
  if (Buffer.compare(userData, attestation.stack.reportData) !== 0) {
    throw new VerificationError('NSM_USER_DATA_MISMATCH', 'NSM user_data does not match report_data');
  }
  return {
    variant: 'dstack-nitro-enclave',
    attestation,
    reportData: userData,
    platform: { kind: 'nitro-enclave', document },
    tcbStatus: '',
    advisoryIds: [],
    tcb: null,
    verifiedAt: now,
    validUntil,
  };
}

function verifiedDocument(bytes: Uint8Array, options: Parameters<typeof verifyNsmDocument>[1]): ReturnType<typeof verifyNsmDocument> {
  try {
    return verifyNsmDocument(bytes, options);
  } catch (error) {
    throw withContext(error, 'NSM attestation verification failed');
  }
}

/** A pod's report data stands for its payload; this is checked before any other work (spec/attestation.md section 4). */
function checkPodPayload({ reportData, reportDataPayload }: StackEvidence): void {
  if (reportDataPayload === null) return;
  const expected = taggedReportData(REPORT_DATA_TAG.appData, Buffer.from(reportDataPayload, 'utf8'));
  if (Buffer.compare(reportData, expected) !== 0) throw new VerificationError('REPORT_DATA_MISMATCH', 'report data does not match its payload');
}
