import type { DescService } from '@bufbuild/protobuf';
import type { Caller } from '../caller/caller.js';
import type { DstackError } from '../errors/base.js';
import type { AccessTable } from './access.js';
import type { Door, MethodBinding } from './method.js';
import type { PlainRoute } from './plain-route.js';

/** Where prpc is mounted on a listener (spec/prpc.md section 1). */
export interface PrpcMount {
  /** `/`, `/prpc` or `/api`. */
  readonly mount: string;
  /** Stripped repeatedly from method names, e.g. `KMS.`; null on listeners without one. */
  readonly trimPrefix: string | null;
  /** Whose methods answer here, e.g. `GuestAgent`. */
  readonly service: DescService;
}

/** One finished call. Written for every door, refusals included; holds no payload and no secret. */
export interface AuditRecord {
  readonly procedure: string;
  readonly door: Door;
  readonly peer: string;
  /** 'OK' or a ServiceCode. */
  readonly code: string;
  /** Milliseconds. */
  readonly durationMs: number;
  /** Lower-case hex app id of an attested caller, or null. */
  readonly appId: string | null;
  /** What really went wrong, for the log only; null on success. */
  readonly error: DstackError | Error | null;
}

export interface HandlerLimits {
  /** Bytes; prpc bodies (default 10 MiB). */
  readonly prpcBody: number;
  /** Bytes; Connect, gRPC and gRPC-Web messages (default 4 MiB). */
  readonly messageBody: number;
  /** Milliseconds a handler may take, also the longest deadline a client can ask for (default 30 s). */
  readonly callMs: number;
  /** Calls in flight over all connections of the handler; more are refused with RESOURCE_EXHAUSTED (default 256). */
  readonly concurrentCalls: number;
  /** Bytes of request bodies held at any one time, over all connections (default 128 MiB). */
  readonly bufferedBodies: number;
  /** Milliseconds an HTTP/2 request may take to arrive (default 30 s); HTTP/1.1 requests are timed by the listener. */
  readonly bodyMs: number;
}

export const DEFAULT_HANDLER_LIMITS: HandlerLimits = {
  prpcBody: 10 * 1024 * 1024,
  messageBody: 4 * 1024 * 1024,
  callMs: 30_000,
  concurrentCalls: 256,
  bufferedBodies: 128 * 1024 * 1024,
  bodyMs: 30_000,
};

/** Everything one listener serves: all doors over one pipeline. */
export interface HandlerOptions {
  readonly bindings: readonly MethodBinding[];
  readonly prpc: readonly PrpcMount[];
  readonly plain: readonly PlainRoute[];
  readonly access: AccessTable;
  /** Must not throw. */
  readonly audit: (record: AuditRecord) => void;
  /** Lower-case hex app id of an attested caller, for the audit record (default null for everybody). */
  readonly appIdOf?: (caller: Caller) => string | null;
  readonly limits?: Partial<HandlerLimits>;
  /** Added to every response, e.g. `X-App-Version`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Serve the Connect, gRPC and gRPC-Web doors with gRPC health and reflection (default true). */
  readonly connect?: boolean;
  /** What gRPC health answers: serving or not (default: serving). */
  readonly serving?: () => boolean;
  /** Milliseconds from an arbitrary fixed point; injected for tests. */
  readonly monotonicNow?: () => number;
}
