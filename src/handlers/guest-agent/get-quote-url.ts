import type { Quoter, TdxQuoteAnswer } from '../../guest-agent/quote.js';
import type { PlainRoute } from '../../http/plain-route.js';
import { base64Text, hexText, jsonAnswer } from '../json-answer.js';
import { queryBytes, queryEncoding } from '../plain-query.js';

/** `GET /GetQuote` (spec/api.md section 1.1). */
export function getQuoteUrl(quoter: Quoter): PlainRoute {
  return {
    procedure: 'plain/GetQuote',
    verb: 'GET',
    path: '/GetQuote',
    async handle({ query, call }) {
      const reportData = queryBytes(query, 'report_data') ?? new Uint8Array();
      if (queryEncoding(query) === 'base64') return jsonAnswer(documented(await quoter.getTdxQuote(reportData, call.signal)));
      const answer = await quoter.getQuote(reportData, call.signal);
      const prpc = { quote: hexText(answer.quote), event_log: answer.eventLog, report_data: hexText(answer.reportData), vm_config: answer.vmConfig };
      return jsonAnswer(answer.attestation.length === 0 ? prpc : { ...prpc, attestation: hexText(answer.attestation) });
    },
  };
}

function documented({ quote, rtmrs, eventLog, reportData, vmConfig }: TdxQuoteAnswer): Record<string, string> {
  return {
    quote: base64Text(quote),
    rtmr0: hexText(rtmrs[0]),
    rtmr1: hexText(rtmrs[1]),
    rtmr2: hexText(rtmrs[2]),
    rtmr3: hexText(rtmrs[3]),
    event_log: eventLog,
    report_data: hexText(reportData),
    vm_config: vmConfig,
  };
}
