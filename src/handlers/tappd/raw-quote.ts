import type { RawQuoteArgsSchema } from '../../../gen/dstack/guestagent/v1/guest_agent_pb.js';
import type { TdxQuoteResponseSchema } from '../../../gen/dstack/guestagent/v1/tappd_pb.js';
import type { TaggedQuoter } from '../../guest-agent/tagged-quote.js';
import type { UnaryHandler } from '../../http/method.js';
import { askerOf } from '../asker.js';

export function rawQuote(quoter: TaggedQuoter): UnaryHandler<typeof RawQuoteArgsSchema, typeof TdxQuoteResponseSchema> {
  return ({ reportData }, call) => quoter.quote({ content: reportData, hashAlgorithm: 'raw', prefix: '' }, call.signal, askerOf(call));
}
