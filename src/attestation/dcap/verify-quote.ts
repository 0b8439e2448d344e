import { VerificationError } from '../../errors/verification-error.js';
import { assertAllWithin, earliestEnd } from '../../x509/time-window.js';
import type { QuoteCollateral } from '../collateral.js';
import { parseQuote } from '../tdx/quote.js';
import type { Quote, TdReport } from '../tdx/quote.js';
import type { SgxReport } from '../tdx/sgx-report.js';
import { checkDocuments } from './checked-collateral.js';
import type { CheckedCollateral } from './checked-collateral.js';
import { checkEndorsement } from './endorsement.js';
import { mergeStatus } from './merge-status.js';
import type { QeIdentity } from './qe-identity.js';
import { checkHeader } from './quote-header.js';
import { verifyP256 } from './raw-p256.js';
import { checkAttributes } from './td-attributes.js';
import { judgePlatform } from './tcb-level.js';
import type { TcbJudgement, TcbStatus } from './tcb-status.js';
import { judgeTdxModule } from './tdx-module.js';
import { checkAnchor } from './trust-anchor.js';

/** What is known about a TCB status besides its name. */
export interface TcbFacts {
  /** As `TcbJudgement.tcbDate`, of platform, TDX module and quoting enclave together. */
  readonly tcbDate: number | null;
  /** The lower one of TCB info and QE identity. */
  readonly evaluationDataNumber: number;
}

/** A genuine quote and what it says. Whether its status is good enough is for the caller to judge. */
export interface QuoteVerdict {
  /** The worse of platform and QE status; never Revoked. */
  readonly status: TcbStatus;
  readonly advisoryIds: readonly string[];
  readonly tcb: TcbFacts;
  /** Fields are views into the quote that was given. */
  readonly report: TdReport | SgxReport;
  /** 16 bytes. */
  readonly ppid: Uint8Array;
  /** 6 bytes. */
  readonly fmspc: Uint8Array;
  readonly qeStatus: TcbJudgement;
  /** With the status of the TDX module merged in. */
  readonly platformStatus: TcbJudgement;
  readonly teeType: 'tdx' | 'sgx';
  /** Of the quote: 3, 4 or 5. */
  readonly version: number;
  /** Last unix second at which every certificate, list and document the verdict rests on is valid. */
  readonly validUntil: number;
}

/**
 * Is this quote genuine, as of `now`, under `root`? All of spec/attestation.md section 6.3 in its order.
 * @param options.now unix seconds
 * @param options.root DER of the trust anchor
 * @throws VerificationError with the code of the first check that failed
 * @throws AppraisalError DEBUG_MODE when the quote is genuine but of a debuggable TD or enclave
 */
export function verifyQuote(
  quote: Uint8Array | Quote,
  collateral: QuoteCollateral,
  options: { readonly now: number; readonly root: Uint8Array },
): QuoteVerdict {
  const anchor = checkAnchor(options.root, collateral, options.now);
  const accepted = acceptQuote(quote);
  return judge(accepted, checkDocuments(collateral, anchor, options.now), options.now);
}

/**
 * The same verdict from collateral checked before: its signatures are not verified again, its validity in time is.
 * @param now unix seconds
 * @throws VerificationError, AppraisalError as `verifyQuote`
 */
export function verifyQuoteWith(checked: CheckedCollateral, quote: Uint8Array | Quote, now: number): QuoteVerdict {
  assertAllWithin(checked.anchor.windows, now);
  const accepted = acceptQuote(quote);
  assertAllWithin(checked.windows, now);
  return judge(accepted, checked, now);
}

interface AcceptedQuote {
  readonly quote: Quote;
  readonly teeType: 'tdx' | 'sgx';
}

function acceptQuote(input: Uint8Array | Quote): AcceptedQuote {
  const quote = input instanceof Uint8Array ? parseQuote(input) : input;
  return { quote, teeType: checkHeader(quote) };
}

function judge({ quote, teeType }: AcceptedQuote, checked: CheckedCollateral, now: number): QuoteVerdict {
  checkQeIdentityKind(checked.qeIdentity, teeType);
  const { pck, qeStatus, attestationKey } = checkEndorsement(checked, quote.auth, now);
  if (attestationKey === null || !verifyP256(attestationKey, quote.signedRegion, quote.auth.signature)) {
    throw new VerificationError('QUOTE_SIGNATURE_INVALID', 'the quote is not signed by its attestation key');
  }
  const { report } = quote;
  const platform = judgePlatform(checked.tcbInfo, pck.extension, report);
  const module = report.kind === 'sgx' ? null : judgeTdxModule(checked.tcbInfo, report);
  const platformStatus = module === null ? platform : mergeStatus(platform, module);
  const { status, tcbDate, advisoryIds } = mergeStatus(platformStatus, qeStatus);
  if (status === 'Revoked') throw new VerificationError('TCB_REVOKED', 'TCB status is invalid: Revoked');
  checkAttributes(report);
  return {
    status,
    advisoryIds,
    tcb: { tcbDate, evaluationDataNumber: Math.min(checked.tcbInfo.tcbEvaluationDataNumber, checked.qeIdentity.tcbEvaluationDataNumber) },
    report,
    // Copies: what the collateral remembers must not be reachable from a verdict.
    ppid: pck.extension.ppid.slice(),
    fmspc: pck.extension.fmspc.slice(),
    qeStatus: copyOf(qeStatus),
    platformStatus: copyOf(platformStatus),
    teeType,
    version: quote.header.version,
    validUntil: Math.min(checked.validUntil, earliestEnd(pck.windows)),
  };
}

function copyOf({ status, tcbDate, advisoryIds }: TcbJudgement): TcbJudgement {
  return { status, tcbDate, advisoryIds: [...advisoryIds] };
}

/** Last part of step 4: each TEE has its own quoting enclave. */
function checkQeIdentityKind({ id, version }: QeIdentity, teeType: 'tdx' | 'sgx'): void {
  const fits = teeType === 'tdx' ? id === 'TD_QE' && (version === 2 || version === 3) : id === 'QE' && version === 2;
  if (!fits) throw new VerificationError('QE_IDENTITY_NOT_FOR_TEE', `Unsupported QE Identity id/version for ${teeType}: "${id}" version ${version}`);
}
