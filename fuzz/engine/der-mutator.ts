import { DerError, readTlv } from '../../src/crypto/der.js';
import { tlv } from '../../src/crypto/der-write.js';
import type { RandomSource, StructuredMutator } from './target.js';

/** A DER value: content, or children where it is constructed. */
interface DerTree {
  readonly tag: number;
  readonly content: Uint8Array | readonly DerTree[];
}

const MAX_DEPTH = 24;

/** One element of a DER document left out, repeated, retagged or with other content, every length around it made right again. */
export const mutateDer: StructuredMutator = (input, random) => {
  const tree = parse(input, 0);
  if (tree === null) return null;
  return serialise(changeAt(tree, { left: 1 + random.below(Math.max(1, sizeOf(tree) - 1)) }, random));
};

function parse(bytes: Uint8Array, depth: number): DerTree | null {
  const list = parseAll(bytes, depth);
  return list !== null && list.length === 1 ? (list[0] ?? null) : null;
}

/** The elements of `bytes`, null when it is not DER to its end. */
function parseAll(bytes: Uint8Array, depth: number): DerTree[] | null {
  const list: DerTree[] = [];
  try {
    for (let at = 0; at < bytes.length; ) {
      const { tag, value, raw } = readTlv(bytes, at);
      const inner = (tag & 0x20) !== 0 || tag === 0x04 ? (depth < MAX_DEPTH ? parseAll(value, depth + 1) : null) : null;
      list.push({ tag, content: inner === null || inner.length === 0 ? Uint8Array.from(value) : inner });
      at += raw.length;
    }
  } catch (error) {
    if (error instanceof DerError) return null;
    throw error;
  }
  return list;
}

function sizeOf({ content }: DerTree): number {
  return content instanceof Uint8Array ? 1 : content.reduce((sum, child) => sum + sizeOf(child), 1);
}

function serialise({ tag, content }: DerTree): Uint8Array {
  return tlv(tag, ...(content instanceof Uint8Array ? [content] : content.map(serialise)));
}

function changeAt(tree: DerTree, counter: { left: number }, random: RandomSource): DerTree {
  if (counter.left-- === 0) return changed(tree, random);
  if (tree.content instanceof Uint8Array || counter.left < 0) return tree;
  return { tag: tree.tag, content: tree.content.map((child) => changeAt(child, counter, random)) };
}

function changed({ tag, content }: DerTree, random: RandomSource): DerTree {
  if (random.below(8) === 0) return { tag: random.below(256), content };
  if (content instanceof Uint8Array) return { tag, content: changedBytes(content, random) };
  const at = random.below(content.length);
  const others = content.filter((_, i) => i !== at);
  const child = content.slice(at, at + 1);
  return { tag, content: random.pick([others, [...content, ...child], [...child, ...others], [...content, ...Array.from({ length: 70 }, () => child).flat()]]) };
}

function changedBytes(bytes: Uint8Array, random: RandomSource): Uint8Array {
  if (bytes.length === 0) return Uint8Array.of(random.below(256));
  const at = random.below(bytes.length);
  const copy = Uint8Array.from(bytes);
  copy[at] = random.below(256);
  return random.pick([copy, copy, bytes.slice(at), bytes.slice(0, at), new Uint8Array(Buffer.concat([bytes, bytes]))]);
}
