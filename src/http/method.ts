import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import type { Caller } from '../caller/caller.js';
import type { TlsSession } from '../caller/tls-session.js';

/** Which dialect a call came in by; for audit and metrics only, never for decisions. */
export type Door = 'connect' | 'grpc' | 'grpc-web' | 'prpc' | 'plain';

/** What a handler may know about the call besides its message. */
export interface CallContext {
  readonly caller: Caller;
  /** The TLS connection it came over; null in cleartext. */
  readonly session: TlsSession | null;
  readonly door: Door;
  /** `package.Service/Method`. */
  readonly procedure: string;
  /** Milliseconds from now that an answer is waited for; later it goes nowhere. */
  readonly waitMs: number;
  /** Aborted when the client goes away, the deadline passes or the server stops. Created on first use. */
  readonly signal: AbortSignal;
}

/** One RPC: generated message and context in, response initializer out; synchronous where it can be. */
export type UnaryHandler<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  call: CallContext,
) => MessageInitShape<O> | Promise<MessageInitShape<O>>;

/** A handler bound to its method descriptor; `bindMethod` is the only way to make one, so the types always agree. */
export interface MethodBinding {
  readonly method: DescMethodUnary;
  readonly handler: UnaryHandler<DescMessage, DescMessage>;
  readonly options: MethodOptions;
}

export interface MethodOptions {
  /** Further prpc names of the method, e.g. `getKey`. */
  readonly prpcAliases?: readonly string[];
  /** Body for `Accept: application/octet-stream` on the prpc route; JSON and protobuf only when absent. */
  readonly rawBody?: (response: never) => Uint8Array;
}

export function bindMethod<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  handler: UnaryHandler<I, O>,
  options: { readonly prpcAliases?: readonly string[]; readonly rawBody?: (response: MessageShape<O>) => Uint8Array } = {},
): MethodBinding {
  return { method, handler: handler as unknown as MethodBinding['handler'], options: options as MethodOptions };
}

/** Name of a method in access tables, audit records and metrics: `dstack.kms.v1.KMS/GetAppKey`. */
export function procedureName(method: DescMethodUnary): string {
  return `${method.parent.typeName}/${method.name}`;
}
