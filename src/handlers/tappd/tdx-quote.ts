import type { TdxQuoteArgsSchema, TdxQuoteResponseSchema } from '../../../gen/dstack/guestagent/v1/tappd_pb.js';
import type { TaggedQuoter } from '../../guest-agent/tagged-quote.js';
import type { UnaryHandler } from '../../http/method.js';
import { askerOf } from '../asker.js';

export function tdxQuote(quoter: TaggedQuoter): UnaryHandler<typeof TdxQuoteArgsSchema, typeof TdxQuoteResponseSchema> {
  return ({ reportData, hashAlgorithm, prefix }, call) => quoter.quote({ content: reportData, hashAlgorithm, prefix }, call.signal, askerOf(call));
}
