import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { create, fromBinary } from '@bufbuild/protobuf';
import { invalidArgument } from '../../errors/service-error.js';

/**
 * Decodes the body of a prpc POST in protobuf mode (spec/prpc.md section 7): raw proto3 bytes, zero bytes
 * for the default message, unknown fields dropped; a message of type google.protobuf.Empty takes any body.
 * Nesting is bounded at 100 by the library, the size by the caller. `bytes` fields are views into `body`.
 * Throws ServiceError INVALID_ARGUMENT.
 */
export function decodePrpcBinary<D extends DescMessage>(desc: D, body: Uint8Array): MessageShape<D> {
  if (body.length === 0 || desc.typeName === 'google.protobuf.Empty') return create(desc);
  try {
    return fromBinary(desc, body, { readUnknownFields: false });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw invalidArgument(`failed to decode Protobuf message: ${reason}`);
  }
}
