import type { StructuredMutator } from './target.js';
import { mutateTree, type Tree } from './tree.js';

/**
 * A mutator that decodes, changes one value and encodes again, so that lengths and counts are right and the change gets
 * past them. What `decode` does not read, or `encode` cannot write, is left to the byte mutations.
 */
export function throughCodec(decode: (input: Uint8Array) => Tree, encode: (tree: Tree) => Uint8Array): StructuredMutator {
  return (input, random) => {
    try {
      return Uint8Array.from(encode(mutateTree(decode(input), random)));
    } catch {
      // Not a document of the format, or no value it can hold: both are nothing to change.
      return null;
    }
  };
}

/** JSON documents. */
export const mutateJson = throughCodec(
  (input) => JSON.parse(Buffer.from(input).toString('utf8')) as Tree,
  (tree) => Buffer.from(JSON.stringify(tree), 'utf8'),
);
