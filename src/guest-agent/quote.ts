import { formatEventLog } from '../attestation/event-log/tdx-event-json.js';
import type { Attestation, TdxEvent } from '../attestation/evidence/attestation.js';
import type { Asker, EvidenceSource } from '../attestation/evidence/evidence-source.js';
import { encodeAttestation } from '../attestation/wire/decode.js';
import { stripForQuoteAnswer } from '../attestation/wire/strip.js';
import { paddedReportData } from '../crypto/report-data.js';
import { tdReportOf } from './td-report.js';
import { unsupportedPlatform } from './unsupported-platform.js';

/** The answer of GetQuote (spec/guest-agent.md section 6.3). */
export interface QuoteAnswer {
  /** TDX quote; empty on platforms without TDX. */
  readonly quote: Uint8Array;
  /** JSON text; "" on platforms without TDX. */
  readonly eventLog: string;
  /** 64 bytes. */
  readonly reportData: Uint8Array;
  readonly vmConfig: string;
  /** Versioned attestation; empty where the quote says it all. */
  readonly attestation: Uint8Array;
}

/** A TDX quote with the registers read out of that very quote, 48 bytes each. */
export interface TdxQuoteAnswer extends QuoteAnswer {
  readonly rtmrs: readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
}

/** Makes evidence for callers; one hardware quote a call. */
export interface Quoter {
  /** @throws ServiceError INVALID_ARGUMENT above 64 bytes; EvidenceSourceError */
  getQuote(reportData: Uint8Array, signal?: AbortSignal, asker?: Asker): Promise<QuoteAnswer>;
  /** As `getQuote`. @throws ServiceError UNSUPPORTED_PLATFORM without TDX */
  getTdxQuote(reportData: Uint8Array, signal?: AbortSignal, asker?: Asker): Promise<TdxQuoteAnswer>;
  /** Versioned attestation with the full event log. @throws as `getQuote` */
  attest(reportData: Uint8Array, signal?: AbortSignal, asker?: Asker): Promise<Uint8Array>;
}

export interface QuoterOptions {
  readonly evidence: EvidenceSource;
  /** Passed through verbatim. */
  readonly vmConfig: string;
  /**
   * How the existing simulator answers, and its clients' tests expect: event log unstripped, attestation
   * always there. Devices answer stripped, with either quote or attestation.
   */
  readonly simulatorForm: boolean;
}

export function createQuoter({ evidence, vmConfig, simulatorForm }: QuoterOptions): Quoter {
  const attestPadded = async (given: Uint8Array, signal?: AbortSignal, asker?: Asker): Promise<[Attestation, Uint8Array]> => {
    const reportData = paddedReportData(given);
    return [await evidence.attest(reportData, signal, asker), reportData];
  };
  const getQuote = async (given: Uint8Array, signal?: AbortSignal, asker?: Asker): Promise<QuoteAnswer> => {
    const [attestation, reportData] = await attestPadded(given, signal, asker);
    const tdx = tdxPart(attestation);
    return {
      quote: tdx?.quote ?? new Uint8Array(),
      eventLog: tdx === null ? '' : formatEventLog(simulatorForm ? tdx.eventLog : stripForQuoteAnswer(tdx.eventLog)),
      reportData,
      vmConfig,
      attestation: answered(attestation, tdx !== null, simulatorForm),
    };
  };
  return {
    getQuote,
    async getTdxQuote(given, signal, asker) {
      if (!hasTdx(evidence)) throw unsupportedPlatform(evidence.variant, 'A TDX quote', insteadOfQuote(evidence));
      const answer = await getQuote(given, signal, asker);
      return { ...answer, rtmrs: tdReportOf(answer.quote).rtmrs };
    },
    async attest(given, signal, asker) {
      const [attestation] = await attestPadded(given, signal, asker);
      return encodeAttestation(attestation);
    },
  };
}

/** Whether evidence from `source` holds a TDX quote. */
export function hasTdx({ variant }: Pick<EvidenceSource, 'variant'>): boolean {
  return variant === 'dstack-tdx' || variant === 'dstack-gcp-tdx';
}

function insteadOfQuote({ nsmDocument }: EvidenceSource): string {
  return nsmDocument === null ? 'POST /Attest' : 'GET /GetAttestation or POST /Attest';
}

function tdxPart({ platform }: Attestation): { readonly quote: Uint8Array; readonly eventLog: readonly TdxEvent[] } | null {
  return platform.kind === 'tdx' || platform.kind === 'gcp-tdx' ? platform : null;
}

function answered(attestation: Attestation, tdx: boolean, simulatorForm: boolean): Uint8Array {
  if (simulatorForm) return encodeAttestation({ ...attestation, wire: 'v1' });
  return tdx ? new Uint8Array() : encodeAttestation(attestation);
}
