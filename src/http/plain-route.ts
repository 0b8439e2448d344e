import type { CallContext } from './method.js';

/** A request to a documented plain URL. */
export interface PlainRequest {
  readonly method: string;
  /** Path without query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly call: CallContext;
}

export interface PlainAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** Runs once the answer has been handed to the kernel; how `/finish` switches listeners after answering. */
  readonly afterSent?: () => void;
}

/** A documented plain URL; errors thrown by `handle` go through the same error map as every other door. */
export interface PlainRoute {
  /** Name in the access table, audit records and metrics, e.g. `plain/GetQuote`. */
  readonly procedure: string;
  readonly verb: 'GET';
  readonly path: string;
  /** Leaves a request to the prpc door when it returns true, e.g. for `?encoding=hex`. */
  readonly declines?: (query: URLSearchParams) => boolean;
  readonly handle: (request: PlainRequest) => PlainAnswer | Promise<PlainAnswer>;
}
