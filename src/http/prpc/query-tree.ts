import { invalidArgument } from '../../errors/service-error.js';
import { percentDecode } from './percent-decode.js';

/** Bracketed levels a key may have; what follows the last one is part of its name. */
const MAX_QUERY_DEPTH = 5;
/** Fields one query may have. */
export const MAX_QUERY_FIELDS = 4096;

/** The value of a key: text, numbered items or named parts. */
export type QueryNode =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'list'; readonly items: Map<number, QueryNode>; next: number }
  | { readonly kind: 'map'; readonly parts: Map<string, QueryNode> };

export type QueryMap = Extract<QueryNode, { readonly kind: 'map' }>;

const PLUS_IS_SPACE = { plusIsSpace: true };

/**
 * Reads a raw query (without `?`; a fragment is dropped) into a tree, by the rules of spec/prpc.md section 5.
 * Brackets count only where they are literal, so `a%5B0%5D` is one unknown name. Giving one key twice is
 * an error whether or not anybody wants it. Throws ServiceError INVALID_ARGUMENT.
 */
export function parseQuery(query: string): QueryMap {
  const root: QueryMap = { kind: 'map', parts: new Map() };
  const end = query.indexOf('#');
  const fields = (end < 0 ? query : query.slice(0, end)).split('&');
  if (fields.length > MAX_QUERY_FIELDS) throw invalidArgument(`the query has more than ${MAX_QUERY_FIELDS} fields`);
  for (const field of fields) {
    if (field === '') continue;
    const equals = field.indexOf('=');
    const key = equals < 0 ? field : field.slice(0, equals);
    const text = percentDecode(equals < 0 ? '' : field.slice(equals + 1), PLUS_IS_SPACE);
    if (text === null) throw invalidArgument(`invalid utf-8 in the value of ${shown(key)}`);
    insert(root, key, { kind: 'text', text });
  }
  return root;
}

function insert(root: QueryMap, key: string, leaf: QueryNode): void {
  const steps = splitKey(key);
  let at: QueryNode = root;
  steps.forEach((step, depth) => {
    const following = steps[depth + 1];
    const fresh = following === undefined ? leaf : container(following);
    at = descend(at, step, fresh, key);
  });
}

/** Puts `fresh` under `step`, or finds the container that is there already. */
function descend(at: QueryNode, step: string, fresh: QueryNode, key: string): QueryNode {
  let have: QueryNode | undefined;
  if (at.kind === 'map') {
    have = at.parts.get(step);
    if (have === undefined) at.parts.set(step, fresh);
  } else if (at.kind === 'list' && (step === '' || isIndex(step))) {
    const index = step === '' ? at.next : Number(step);
    have = at.items.get(index);
    if (have === undefined) at.items.set(index, fresh);
    at.next = Math.max(at.next, index + 1);
  } else {
    throw invalidArgument(`${shown(key)} uses one key in two ways`);
  }
  if (have === undefined) return fresh;
  if (have.kind === 'text' || fresh.kind === 'text') throw invalidArgument(`Multiple values for one key: ${shown(key)}`);
  return have;
}

function container(step: string): QueryNode {
  if (step === '' || isIndex(step)) return { kind: 'list', items: new Map(), next: 0 };
  return { kind: 'map', parts: new Map() };
}

function isIndex(step: string): boolean {
  return /^\d{1,9}$/.test(step);
}

/** `a[b][0]` becomes `a`, `b`, `0`, each decoded on its own. */
function splitKey(key: string): string[] {
  const open = key.indexOf('[');
  if (open <= 0) return [decoded(key, key)];
  const steps = [decoded(key.slice(0, open), key)];
  for (let at = open; at < key.length; ) {
    if (steps.length === MAX_QUERY_DEPTH + 1) {
      steps.push(decoded(key.slice(at), key));
      break;
    }
    const close = key.indexOf(']', at);
    if (key[at] !== '[' || close < 0) throw invalidArgument(`unbalanced brackets in the key ${shown(key)}`);
    steps.push(decoded(key.slice(at + 1, close), key));
    at = close + 1;
  }
  return steps;
}

function decoded(part: string, key: string): string {
  const text = percentDecode(part, PLUS_IS_SPACE);
  if (text === null) throw invalidArgument(`invalid utf-8 in the key ${shown(key)}`);
  return text;
}

/** A key as errors show it: decoded where that is possible, at most 64 characters. */
function shown(key: string): string {
  return JSON.stringify((percentDecode(key, PLUS_IS_SPACE) ?? key).slice(0, 64));
}
