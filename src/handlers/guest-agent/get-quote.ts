import type { GetQuoteResponseSchema, RawQuoteArgsSchema } from '../../../gen/dstack/guestagent/v1/guest_agent_pb.js';
import type { Quoter } from '../../guest-agent/quote.js';
import type { UnaryHandler } from '../../http/method.js';
import { askerOf } from '../asker.js';

export function getQuote(quoter: Quoter): UnaryHandler<typeof RawQuoteArgsSchema, typeof GetQuoteResponseSchema> {
  return ({ reportData }, call) => quoter.getQuote(reportData, call.signal, askerOf(call));
}
