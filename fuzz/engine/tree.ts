import type { RandomSource } from './target.js';

/** A decoded document of JSON, MessagePack or CBOR: plain values, arrays, maps and byte strings. */
export type Tree = unknown;

const NUMBERS = [0, 1, -1, 255, 256, 65_535, 65_536, 0xffff_ffff, 2 ** 32, Number.MAX_SAFE_INTEGER, 1.5];

/** A copy of `tree` with one of its values replaced, repeated or left out. */
export function mutateTree(tree: Tree, random: RandomSource): Tree {
  const size = sizeOf(tree);
  return changeAt(tree, { left: random.below(size) }, random);
}

function sizeOf(tree: Tree): number {
  return 1 + parts(tree).reduce((sum: number, part) => sum + sizeOf(part), 0);
}

function parts(tree: Tree): readonly Tree[] {
  if (Array.isArray(tree)) return tree as readonly Tree[];
  if (tree instanceof Map) return [...tree.values()];
  return isRecord(tree) ? Object.values(tree) : [];
}

/** `counter` says how many values to pass by, depth first, before the one to change. */
function changeAt(tree: Tree, counter: { left: number }, random: RandomSource): Tree {
  if (counter.left-- === 0) return changed(tree, random);
  if (counter.left < 0) return tree;
  if (Array.isArray(tree)) return tree.map((item: Tree) => changeAt(item, counter, random));
  if (tree instanceof Map) return new Map([...tree].map(([key, value]: [Tree, Tree]) => [key, changeAt(value, counter, random)]));
  if (isRecord(tree)) return Object.fromEntries(Object.entries(tree).map(([key, value]) => [key, changeAt(value, counter, random)]));
  return tree;
}

function changed(value: Tree, random: RandomSource): Tree {
  const how = random.below(8);
  if (how === 0) return random.pick<Tree>([null, true, false, '', [], {}, new Uint8Array(), ...NUMBERS]);
  if (how === 1) return [value];
  if (Array.isArray(value)) return changedList(value as readonly Tree[], random);
  if (value instanceof Map) return new Map(changedList([...value] as readonly Tree[], random) as [Tree, Tree][]);
  if (value instanceof Uint8Array) return changedBytes(value, random);
  if (isRecord(value)) return Object.fromEntries(changedList(Object.entries(value), random) as [string, Tree][]);
  if (typeof value === 'string') return random.pick([value + value, value.slice(1), value.slice(0, -1), value.toUpperCase(), `${value}\u0000`, `${value}é`]);
  return random.pick(NUMBERS);
}

function changedList(list: readonly Tree[], random: RandomSource): Tree[] {
  if (list.length === 0) return [];
  const at = random.below(list.length);
  const item = list[at];
  const others = list.filter((_, i) => i !== at);
  const many = 2 + random.below(40);
  return random.pick<() => Tree[]>([() => others, () => [...list, item], () => [item, ...others], () => [...list, ...Array.from({ length: many }, () => item)]])();
}

function changedBytes(bytes: Uint8Array, random: RandomSource): Uint8Array {
  if (bytes.length === 0) return Uint8Array.of(random.below(256));
  const copy = Uint8Array.from(bytes);
  const at = random.below(copy.length);
  copy[at] = random.below(256);
  return random.pick([copy, bytes.slice(at), bytes.slice(0, at), new Uint8Array(Buffer.concat([bytes, bytes.subarray(at)]))]);
}

function isRecord(value: unknown): value is Readonly<Record<string, Tree>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array) && !(value instanceof Map);
}
