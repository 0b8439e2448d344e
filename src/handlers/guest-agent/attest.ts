import type { AttestResponseSchema, RawQuoteArgsSchema } from '../../../gen/dstack/guestagent/v1/guest_agent_pb.js';
import type { Quoter } from '../../guest-agent/quote.js';
import type { UnaryHandler } from '../../http/method.js';
import { askerOf } from '../asker.js';

export function attest(quoter: Quoter): UnaryHandler<typeof RawQuoteArgsSchema, typeof AttestResponseSchema> {
  return async ({ reportData }, call) => ({ attestation: await quoter.attest(reportData, call.signal, askerOf(call)) });
}
