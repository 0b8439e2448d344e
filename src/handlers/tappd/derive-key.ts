import type { GetTlsKeyResponseSchema } from '../../../gen/dstack/guestagent/v1/guest_agent_pb.js';
import type { DeriveKeyArgsSchema } from '../../../gen/dstack/guestagent/v1/tappd_pb.js';
import type { TlsKeys } from '../../guest-agent/tls-key.js';
import type { UnaryHandler } from '../../http/method.js';
import { askerOf } from '../asker.js';

export function deriveKey(tlsKeys: TlsKeys): UnaryHandler<typeof DeriveKeyArgsSchema, typeof GetTlsKeyResponseSchema> {
  return (request, call) => {
    const wanted = {
      subject: request.subject,
      altNames: request.altNames,
      serverAuth: request.usageServerAuth,
      clientAuth: request.usageClientAuth,
      embedQuote: request.usageRaTls,
      embedAppInfo: false,
      notBefore: null,
      notAfter: null,
    };
    return request.randomSeed ? tlsKeys.fresh(wanted, call.signal, askerOf(call)) : tlsKeys.derived(request.path, wanted, call.signal, askerOf(call));
  };
}
