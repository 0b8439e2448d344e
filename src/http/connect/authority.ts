import { headerValue } from '../exchange.js';
import { isHttp2 } from '../body.js';
import type { HttpRequest } from '../connection.js';

/**
 * Whether the request says which host it is for, in a form that can stand in a URL (RFC 9110 section 7.2).
 * The Connect library builds a URL from it outside any error handling: `Host: [` would end the process.
 */
function hasUsableAuthority(request: HttpRequest): boolean {
  const authority = (isHttp2(request) ? request.authority : '') || headerValue(request, 'host');
  return authority !== null && authority !== '' && URL.canParse(`http://${authority}`) && !/[/?#@\\\s]/.test(authority);
}

/** A host as a URI may name it (RFC 3986 section 3.2.2, reg-name), but percent-encoded in part, which a WHATWG URL mostly refuses. */
const PERCENT_ENCODED = /^(?:[\w.~!$&'()*+,;=-]|%[0-9a-fA-F]{2})+$/;

/**
 * Makes an authority the Connect library can take of one it cannot: clients on the C core of gRPC (Python, C++, Ruby, PHP)
 * name a unix socket by its percent-encoded path. Nothing is decided on the name. False: not an authority at all.
 */
export function settleAuthority(request: HttpRequest): boolean {
  if (hasUsableAuthority(request)) return true;
  if (!isHttp2(request) || !PERCENT_ENCODED.test(request.authority)) return false;
  request.headers[':authority'] = 'localhost';
  return true;
}

const USUAL = /^(?:[\w.-]+|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?$/;

/** The same question answered quickly: false for what nobody sends but may be usable all the same. */
export function hasUsualAuthority(request: HttpRequest): boolean {
  const authority = request.headers[':authority'] ?? request.headers.host;
  return typeof authority === 'string' && USUAL.test(authority);
}
