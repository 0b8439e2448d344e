import type { LoadHook } from 'node:module';
import { parseAst } from 'vite';
import { branchesOf, literalsOf } from './syntax.js';

/** Loader hook: every module of `dist/src` counts the branches it takes in `globalThis.fuzzEdges`. */
export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context);
  if (!url.includes('/dist/src/') || loaded.format !== 'module' || loaded.source === undefined || loaded.source === null) return loaded;
  const source = typeof loaded.source === 'string' ? loaded.source : Buffer.from(loaded.source as Uint8Array).toString('utf8');
  return { ...loaded, source: instrument(source) };
};

let edges = 0;

/** `source` with a counter at every branch; the counters' numbers go on from module to module. */
export function instrument(source: string): string {
  const program = parseAst(source);
  const opening = new Map<number, string>();
  const closing = new Map<number, string>();
  for (const { start, end, before, after } of branchesOf(program)) {
    // At one place what encloses opens first and closes last; branches come outermost first.
    opening.set(start, (opening.get(start) ?? '') + counted(before));
    closing.set(end, counted(after) + (closing.get(end) ?? ''));
  }
  const places = [...new Set([...opening.keys(), ...closing.keys()])].sort((a, b) => a - b);
  let text = `const fuzzEdges = globalThis.fuzzEdges; globalThis.fuzzLiterals.push(...${JSON.stringify(literalsOf(program))}); globalThis.fuzzEdgeCount = Math.max(globalThis.fuzzEdgeCount, ${edges}); `;
  let at = 0;
  for (const place of places) {
    text += source.slice(at, place) + (closing.get(place) ?? '') + (opening.get(place) ?? '');
    at = place;
  }
  return text + source.slice(at);
}

function counted(text: string): string {
  return text.includes('#') ? text.replace('#', `fuzzEdges[${edges++}]++`) : text;
}
