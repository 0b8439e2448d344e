import { setMaxListeners } from 'node:events';
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
  /** Any of them ends the exchange. */
  readonly signals: readonly AbortSignal[];
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
export async function httpGet(url: string, { maxBytes, timeoutMs, signals }: GetLimits): Promise<HttpAnswer> {
  const ending = endingWith(signals, timeoutMs);
  try {
    const { statusCode, headers, body } = await request(url, { signal: ending.signal, headersTimeout: timeoutMs, bodyTimeout: timeoutMs });
    return { status: statusCode, headers: singleValues(headers), body: Uint8Array.from(await boundedBytes(body, maxBytes)) };
  } catch (cause) {
    if (cause instanceof BodyTooLarge) throw cause;
    throw new NoAnswer(ending.timedOut() ? `no answer within ${timeoutMs} ms` : 'no answer', { cause });
  } finally {
    ending.forget();
  }
}

/** `AbortSignal.any` leaves something behind in signals that live as long as the process; this does not. */
function endingWith(signals: readonly AbortSignal[], timeoutMs: number): { readonly signal: AbortSignal; timedOut(): boolean; forget(): void } {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    abort();
  }, timeoutMs);
  for (const signal of signals) {
    // As many as there are requests at a time.
    setMaxListeners(0, signal);
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
  }
  const forget = (): void => {
    clearTimeout(timer);
    for (const signal of signals) signal.removeEventListener('abort', abort);
  };
  return { signal: controller.signal, timedOut: () => timedOut, forget };
}

/** Where a URL points, fit for a log: without user, password and query. */
export function placeOf(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

function singleValues(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value] as const] : [])));
}
