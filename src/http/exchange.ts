import type { Connection, HttpRequest, HttpResponse } from './connection.js';
import type { RequestTarget } from './request-target.js';

/** One HTTP request with everything a door needs to answer it. */
export interface Exchange {
  readonly request: HttpRequest;
  readonly response: HttpResponse;
  readonly connection: Connection;
  readonly target: RequestTarget;
}

/** The value of a request header that is expected once; null when absent. */
export function headerValue(request: HttpRequest, name: string): string | null {
  const value = request.headers[name];
  if (typeof value === 'string') return value;
  return value === undefined ? null : value.join(', ');
}
