import { percentDecode } from './percent-decode.js';

export type PrpcEncoding = 'json' | 'protobuf';

/** How one call is encoded. */
export interface PrpcMode {
  /** Encoding of the request body, of the answer and of every error raised once a method was looked for. */
  readonly dispatch: PrpcEncoding;
  /** Encoding of errors raised before that: refused evidence, a body too large or broken off. */
  readonly beforeDispatch: PrpcEncoding;
}

const JSON_THROUGHOUT: PrpcMode = { dispatch: 'json', beforeDispatch: 'json' };
const JSON_BY_CONTENT_TYPE: PrpcMode = { dispatch: 'json', beforeDispatch: 'protobuf' };
const PROTOBUF: PrpcMode = { dispatch: 'protobuf', beforeDispatch: 'protobuf' };

/**
 * Decides between JSON and protobuf (spec/prpc.md section 3).
 *
 * `verb` is the HTTP method; `query` the raw query without `?`, or null; `contentType` the header as
 * received, or null.
 */
export function prpcMode(verb: string, query: string | null, contentType: string | null): PrpcMode {
  if (verb === 'GET' || verb === 'HEAD' || (query !== null && asksForJson(query))) return JSON_THROUGHOUT;
  return contentType !== null && isJsonContentType(contentType) ? JSON_BY_CONTENT_TYPE : PROTOBUF;
}

/**
 * `application/json` with any parameters, in any case. A header that was sent twice arrives as a list; the
 * published Rust clients do that.
 */
export function isJsonContentType(contentType: string): boolean {
  if (contentType === 'application/json') return true;
  const end = contentType.search(/[;,]/);
  return (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase() === 'application/json';
}

/** Only the first field named `json` counts; its name is compared decoded and its value as it stands. */
function asksForJson(query: string): boolean {
  const end = query.indexOf('#');
  for (const field of (end < 0 ? query : query.slice(0, end)).split('&')) {
    const equals = field.indexOf('=');
    const name = equals < 0 ? field : field.slice(0, equals);
    if (percentDecode(name, { plusIsSpace: true }) !== 'json') continue;
    const value = equals < 0 ? '' : field.slice(equals + 1);
    return value === '' || value === '1' || value === 'true';
  }
  return false;
}
