import { DstackError } from '../../src/errors/base.js';
import { check } from './target.js';

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** Checks that the parts of a decoded document, which it holds at most once each, are no longer than the document. */
export function checkBounded(parts: readonly Uint8Array[], input: Uint8Array): void {
  check(parts.reduce((sum, part) => sum + part.length, 0) <= input.length, 'what was decoded is no longer than the input');
}

/**
 * Runs every one of `decoders`, each of which may refuse with one of `refusals`; for targets that give one input to several.
 * @throws DstackError the last refusal when every one of them refused; at once whatever is no refusal
 */
export function anyOf(refusals: ReadonlySet<string>, decoders: readonly (() => void)[]): void {
  const refused: DstackError[] = [];
  for (const decode of decoders) {
    try {
      decode();
    } catch (error) {
      if (!(error instanceof DstackError) || !refusals.has(error.code)) throw error;
      refused.push(error);
    }
  }
  const last = refused.at(-1);
  if (last !== undefined && refused.length === decoders.length) throw last;
}

export function textOf(input: Uint8Array): string {
  return Buffer.from(input).toString('utf8');
}
