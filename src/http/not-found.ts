import { headerValue } from './exchange.js';
import type { Exchange } from './exchange.js';
import type { Responder } from './respond.js';

const HTML =
  '<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>404 Not Found</title></head>\n' +
  '<body><h1>404: Not Found</h1><p>The requested resource could not be found.</p></body>\n</html>\n';

const JSON_TEXT = '{"error":{"code":404,"reason":"Not Found","description":"The requested resource could not be found."}}';

/** The answer to a path or verb nobody serves: JSON for clients that prefer it, otherwise a page (spec/prpc.md section 8). */
export function sendNotFound(responder: Responder, exchange: Exchange): void {
  if (prefersJson(headerValue(exchange.request, 'accept'))) responder.send(exchange, 404, 'application/json', JSON_TEXT);
  else responder.send(exchange, 404, 'text/html; charset=utf-8', HTML);
}

/** Whether application/json has the highest weight in an Accept header (RFC 9110 section 12.5.1); the first of equals wins. */
export function prefersJson(accept: string | null): boolean {
  if (accept === null) return false;
  let best = { type: '', weight: 0 };
  for (const item of accept.split(',')) {
    const [type = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
    const weight = Number(parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1');
    if (weight > best.weight) best = { type, weight };
  }
  return best.type === 'application/json';
}
