import type { Asker } from '../attestation/evidence/evidence-source.js';
import { rawReportData, REPORT_DATA_TAG, taggedReportData } from '../crypto/report-data.js';
import { isReportDataHash } from '../crypto/report-data-hash.js';
import { invalidArgument } from '../errors/service-error.js';
import type { Quoter } from './quote.js';

/** What a Tappd quote is to vouch for (spec/guest-agent.md section 7). */
export interface TaggedQuoteRequest {
  readonly content: Uint8Array;
  /** "" for sha512; `raw` for no hashing, with exactly 64 bytes of content. */
  readonly hashAlgorithm: string;
  /** "" for `app-data`; ignored for `raw`. */
  readonly prefix: string;
}

export interface TaggedQuoteAnswer {
  /** TDX quote; empty on platforms without TDX. */
  readonly quote: Uint8Array;
  readonly eventLog: string;
  /** What was used in fact. */
  readonly hashAlgorithm: string;
  readonly prefix: string;
}

export interface TaggedQuoter {
  /** @throws ServiceError INVALID_ARGUMENT for an unknown hash, or raw content of another length */
  quote(request: TaggedQuoteRequest, signal?: AbortSignal, asker?: Asker): Promise<TaggedQuoteAnswer>;
}

export function createTaggedQuoter(quoter: Quoter): TaggedQuoter {
  return {
    async quote(request, signal, asker) {
      const { reportData, hashAlgorithm, prefix } = reportDataOf(request);
      const { quote, eventLog } = await quoter.getQuote(reportData, signal, asker);
      return { quote, eventLog, hashAlgorithm, prefix };
    },
  };
}

function reportDataOf({ content, hashAlgorithm, prefix }: TaggedQuoteRequest): { reportData: Uint8Array; hashAlgorithm: string; prefix: string } {
  if (hashAlgorithm === 'raw') return { reportData: rawReportData(content), hashAlgorithm, prefix: '' };
  const hash = hashAlgorithm === '' ? 'sha512' : hashAlgorithm;
  if (!isReportDataHash(hash)) throw invalidArgument('invalid hash algorithm');
  const tag = prefix === '' ? REPORT_DATA_TAG.appData : prefix;
  return { reportData: taggedReportData(tag, content, hash), hashAlgorithm: hash, prefix: tag };
}
