import { request } from 'undici';
import { BodyTooLarge, boundedBytes } from './bounded-body.js';

export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case; headers that were sent more than once are left out. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface GetLimits {
  readonly maxBytes: number;
  /** Milliseconds for the whole exchange. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** There was no answer, not in time, or it broke off. */
export class NoAnswer extends Error {}

/** There was an answer, of a status that was not wanted. */
export class UnwantedStatus extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`answered ${status}`);
    this.status = status;
  }
}

/**
 * One GET, no retries; redirects are answers like any other and not followed.
 * @throws NoAnswer, BodyTooLarge
 */
export async function httpGet(url: string, { maxBytes, timeoutMs, signal }: GetLimits): Promise<HttpAnswer> {
  try {
    const { statusCode, headers, body } = await request(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]), headersTimeout: timeoutMs, bodyTimeout: timeoutMs });
    return { status: statusCode, headers: singleValues(headers), body: Uint8Array.from(await boundedBytes(body, maxBytes)) };
  } catch (cause) {
    if (cause instanceof BodyTooLarge) throw cause;
    throw new NoAnswer(cause instanceof Error && cause.name === 'TimeoutError' ? `no answer within ${timeoutMs} ms` : 'no answer', { cause });
  }
}

/** Where a URL points, fit for a log: without user, password and query. */
export function placeOf(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

function singleValues(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value] as const] : [])));
}
