import type { DescService } from '@bufbuild/protobuf';
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
  /** Milliseconds a handler may take, also the longest deadline a client can ask for. */
  readonly callMs: number;
  /** Calls in flight over all connections of the handler; more are refused with RESOURCE_EXHAUSTED. */
  readonly concurrentCalls: number;
}

/** Everything one listener serves: all doors over one pipeline. */
export interface HandlerOptions {
  readonly bindings: readonly MethodBinding[];
  readonly prpc: readonly PrpcMount[];
  readonly plain: readonly PlainRoute[];
  readonly access: AccessTable;
  readonly audit: (record: AuditRecord) => void;
  readonly limits?: Partial<HandlerLimits>;
  /** Added to every response, e.g. `X-App-Version`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Serve gRPC reflection and Connect/gRPC doors (default true). */
  readonly connect?: boolean;
  /** Milliseconds from an arbitrary fixed point; injected for tests. */
  readonly monotonicNow?: () => number;
}
