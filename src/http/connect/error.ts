import { create, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { ErrorDetailSchema } from '../../../gen/dstack/errors/v1/errors_pb.js';
import type { WireError } from '../error-map.js';

/** The error for the gRPC, gRPC-Web and streaming Connect doors, with our code in a detail. */
export function toConnectError(wire: WireError): ConnectError {
  return new ConnectError(wire.message, wire.connectCode, undefined, [{ desc: ErrorDetailSchema, value: { code: wire.code } }]);
}

/** The body of a failed unary Connect call (https://connectrpc.com/docs/protocol#error-end-stream), UTF-8. */
export function connectErrorBody(wire: WireError): Buffer {
  const detail = toBinary(ErrorDetailSchema, create(ErrorDetailSchema, { code: wire.code }));
  const value = Buffer.from(detail).toString('base64').replace(/=+$/, '');
  const details = [{ type: ErrorDetailSchema.typeName, value, debug: { code: wire.code } }];
  return Buffer.from(JSON.stringify({ code: connectCodeName(wire.connectCode), message: wire.message, details }));
}

/** `PermissionDenied` is `permission_denied` on the wire. */
function connectCodeName(code: Code): string {
  return Code[code].replace(/(?<=[a-z])(?=[A-Z])/g, '_').toLowerCase();
}
