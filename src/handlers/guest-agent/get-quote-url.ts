import type { Quoter, TdxQuoteAnswer } from '../../guest-agent/quote.js';
import type { PlainRoute } from '../../http/plain-route.js';
import { askerOf } from '../asker.js';
import { base64Text, hexText, jsonAnswer } from '../json-answer.js';
import { checkEncoding, queryBytes, wantsHex } from '../plain-query.js';

/** `GET /GetQuote` (spec/api.md section 1.1); `?encoding=hex` is the prpc door's. */
export function getQuoteUrl(quoter: Quoter): PlainRoute {
  return {
    procedure: 'plain/GetQuote',
    verb: 'GET',
    path: '/GetQuote',
    declines: wantsHex,
    async handle({ query, call }) {
      checkEncoding(query);
      const reportData = queryBytes(query, 'report_data') ?? new Uint8Array();
      return jsonAnswer(documented(await quoter.getTdxQuote(reportData, call.signal, askerOf(call))));
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
