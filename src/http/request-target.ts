/** The parts of a request target that routing looks at, still percent-encoded. */
export interface RequestTarget {
  readonly path: string;
  /** Without `?`; null when there is none. */
  readonly query: string | null;
}

/**
 * Splits the target of a request line (RFC 9112 section 3.2). The absolute form, which the published Rust
 * clients send over unix sockets, counts by its path; a fragment, which no target should have, is dropped.
 * Anything else, such as `*`, comes back as a path that no route has.
 */
export function parseTarget(target: string): RequestTarget {
  const origin = target.charCodeAt(0) === 0x2f ? target : originForm(target);
  const hash = origin.indexOf('#');
  const clean = hash < 0 ? origin : origin.slice(0, hash);
  const mark = clean.indexOf('?');
  return mark < 0 ? { path: clean, query: null } : { path: clean.slice(0, mark), query: clean.slice(mark + 1) };
}

function originForm(target: string): string {
  const scheme = /^https?:\/\//i.exec(target);
  if (scheme === null) return target;
  const rest = target.slice(scheme[0].length);
  const end = rest.search(/[/?#]/);
  if (end < 0) return '/';
  return rest.charCodeAt(end) === 0x2f ? rest.slice(end) : `/${rest.slice(end)}`;
}
