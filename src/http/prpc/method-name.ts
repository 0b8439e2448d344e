import { percentDecodeBytes } from './percent-decode.js';

/**
 * The method name in the path segment after the mount (spec/prpc.md section 1): percent-decoded, then
 * without the listener's prefix however often it is repeated (`Tappd.Tappd.Info` is `Info`). Matching the
 * result is up to the caller, case-sensitively. Returns null for an empty segment, which is no RPC route.
 * Bytes that are not UTF-8 become U+FFFD: no method has such a name, so the call ends as unknown.
 */
export function prpcMethodName(segment: string, trimPrefix: string | null): string | null {
  if (segment === '') return null;
  let name = segment.includes('%') ? percentDecodeBytes(segment, { plusIsSpace: false }).toString('utf8') : segment;
  if (trimPrefix !== null && trimPrefix !== '') {
    let start = 0;
    while (name.startsWith(trimPrefix, start)) start += trimPrefix.length;
    if (start > 0) name = name.slice(start);
  }
  return name;
}
