import { headerValue } from '../exchange.js';
import { isHttp2 } from '../body.js';
import type { HttpRequest } from '../connection.js';

/**
 * Whether the request says which host it is for, in a form that can stand in a URL (RFC 9110 section 7.2).
 * The Connect library builds a URL from it outside any error handling: `Host: [` would end the process.
 */
export function hasUsableAuthority(request: HttpRequest): boolean {
  const authority = (isHttp2(request) ? request.authority : '') || headerValue(request, 'host');
  return authority !== null && authority !== '' && URL.canParse(`http://${authority}`) && !/[/?#@\\\s]/.test(authority);
}

const USUAL = /^(?:[\w.-]+|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?$/;

/** The same question answered quickly: false for what nobody sends but may be usable all the same. */
export function hasUsualAuthority(request: HttpRequest): boolean {
  const authority = request.headers[':authority'] ?? request.headers.host;
  return typeof authority === 'string' && USUAL.test(authority);
}
