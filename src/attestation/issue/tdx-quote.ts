import { EvidenceSourceError } from '../../errors/evidence-source-error.js';
import type { NativeBinding } from '../../native/binding.js';
import { parseQuote, type TdReport } from '../tdx/quote.js';
import { readBounded } from './device-file.js';
import { decodeQuoteResponse, encodeQuoteRequest, parseQgsPort } from './qgs-message.js';
import { createTsmEntryResolver, type TsmPaths } from './tsm-entry.js';

const HOST_CID = 2;
const MAX_CONFIG_BYTES = 65_536;

export interface TdxQuoteOptions {
  readonly native: Pick<NativeBinding, 'tsmQuote' | 'tdxReport' | 'qgsExchange'>;
  readonly paths: { readonly tsm: TsmPaths; readonly tdxGuest: string; readonly qgsConfig: string };
  /** Milliseconds; see TdxTimes. */
  readonly times: { readonly busyWaitMs: number; readonly pollIntervalMs: number; readonly generationWaitMs: number; readonly quoteDeadlineMs: number };
}

export interface TdxQuote {
  readonly bytes: Uint8Array;
  readonly report: TdReport;
}

/**
 * Makes quotes over 64 bytes of report data: through configfs-tsm where the kernel has it, its errors final; else
 * through the quote generation service of the host where one is configured (spec/attestation.md sections 1.1 and 1.3).
 * Rejects with EvidenceSourceError, also when the quote is about something else than was asked for.
 */
export function createTdxQuoter({ native, paths, times }: TdxQuoteOptions): (reportData: Buffer) => Promise<TdxQuote> {
  const resolveEntry = createTsmEntryResolver(paths.tsm);
  const { busyWaitMs, pollIntervalMs, generationWaitMs, quoteDeadlineMs: deadlineMs } = times;

  async function fromHost(reportData: Buffer): Promise<Uint8Array> {
    const config = await readBounded(paths.qgsConfig, MAX_CONFIG_BYTES);
    const port = config === null ? 0 : parseQgsPort(Buffer.from(config).toString('utf8'));
    if (port === 0) throw new EvidenceSourceError('DEVICE_ABSENT', `no configfs-tsm at ${paths.tsm.base}, and no port in ${paths.qgsConfig}`);
    const report = await native.tdxReport({ devicePath: paths.tdxGuest, reportData, deadlineMs });
    return decodeQuoteResponse(await native.qgsExchange({ cid: HOST_CID, port, message: encodeQuoteRequest(report), deadlineMs }));
  }

  return async (reportData) => {
    const entryPath = await resolveEntry();
    const bytes =
      entryPath === null
        ? await fromHost(reportData)
        : await native.tsmQuote({ entryPath, reportData, busyWaitMs, pollIntervalMs, generationWaitMs, deadlineMs });
    const report = tdReportOf(bytes);
    if (!reportData.equals(report.reportData)) throw new EvidenceSourceError('DEVICE_FAILED', 'the quote is about other report data than was asked for');
    return { bytes, report };
  };
}

function tdReportOf(bytes: Uint8Array): TdReport {
  try {
    const { report } = parseQuote(bytes);
    if ('rtmrs' in report) return report;
  } catch (cause) {
    throw new EvidenceSourceError('DEVICE_FAILED', 'the quote is malformed', { cause });
  }
  throw new EvidenceSourceError('DEVICE_FAILED', 'the quote is not one of a TDX guest');
}
