import type { GetTlsKeyArgsSchema, GetTlsKeyResponseSchema } from '../../../gen/dstack/guestagent/v1/guest_agent_pb.js';
import type { TlsKeys } from '../../guest-agent/tls-key.js';
import type { UnaryHandler } from '../../http/method.js';
import { askerOf } from '../asker.js';

export function getTlsKey(tlsKeys: TlsKeys): UnaryHandler<typeof GetTlsKeyArgsSchema, typeof GetTlsKeyResponseSchema> {
  return (request, call) =>
    tlsKeys.fresh(
      {
        subject: request.subject,
        altNames: request.altNames,
        serverAuth: request.usageServerAuth,
        clientAuth: request.usageClientAuth,
        embedQuote: request.usageRaTls,
        embedAppInfo: request.withAppInfo,
        notBefore: request.notBefore ?? null,
        notAfter: request.notAfter ?? null,
      },
      call.signal,
      askerOf(call),
    );
}
