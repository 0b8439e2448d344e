import type { RandomSource, Target } from './target.js';

const INTERESTING = [0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];
const MAX_STACKED = 6;
const MAX_BLOCK = 64;

type ByteMutation = (input: Uint8Array, random: RandomSource) => Uint8Array;

/** What a mutation may draw on besides the input itself. */
export interface Mutants {
  readonly target: Target;
  readonly dictionary: readonly Uint8Array[];
  /** Another document of the corpus. */
  other(): Uint8Array;
}

/** A neighbour of `input`: one structure-aware change in half of the cases where there is one, else one to six stacked byte changes. */
export function mutate(input: Uint8Array, random: RandomSource, mutants: Mutants): Uint8Array {
  const { target } = mutants;
  if (target.mutators.length > 0 && random.below(2) === 0) {
    const changed = random.pick(target.mutators)(input, random);
    if (changed !== null && changed.length <= target.maxLength) return changed;
  }
  let bytes: Uint8Array = Uint8Array.from(input);
  for (let left = 1 + random.below(MAX_STACKED); left > 0; left--) bytes = byteChange(bytes, random, mutants);
  return bytes.length > target.maxLength ? bytes.subarray(0, target.maxLength) : bytes;
}

function byteChange(bytes: Uint8Array, random: RandomSource, { dictionary, other }: Mutants): Uint8Array {
  const kind = random.below(BYTE_MUTATIONS.length + 3);
  if (bytes.length === 0 || (kind === 0 && dictionary.length > 0)) return insertAt(bytes, random.below(bytes.length + 1), dictionary.length > 0 ? random.pick(dictionary) : Uint8Array.of(random.below(256)));
  if (kind === 1 && dictionary.length > 0) return overwrite(bytes, random.below(bytes.length), random.pick(dictionary));
  if (kind === 2) return splice(bytes, other(), random);
  return random.pick(BYTE_MUTATIONS)(bytes, random);
}

const BYTE_MUTATIONS: readonly ByteMutation[] = [
  (bytes, random) => withByte(bytes, random, (value) => value ^ (1 << random.below(8))),
  (bytes, random) => withByte(bytes, random, () => random.below(256)),
  (bytes, random) => withByte(bytes, random, (value) => value + 1 + random.below(16)),
  (bytes, random) => withByte(bytes, random, (value) => value - 1 - random.below(16)),
  (bytes, random) => withNumber(bytes, random),
  (bytes, random) => {
    const at = random.below(bytes.length);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(MAX_BLOCK))]);
  },
  (bytes, random) => insertAt(bytes, random.below(bytes.length + 1), block(bytes, random)),
  (bytes, random) => overwrite(bytes, random.below(bytes.length), block(bytes, random)),
  (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  (bytes, random) => insertAt(bytes, random.below(bytes.length + 1), Uint8Array.from({ length: 1 + random.below(8) }, () => random.below(256))),
];

function withByte(bytes: Uint8Array, random: RandomSource, change: (value: number) => number): Uint8Array {
  const at = random.below(bytes.length);
  return overwrite(bytes, at, Uint8Array.of(change(bytes[at] ?? 0)));
}

/** A number at a limit, one, two or four bytes of either order. */
function withNumber(bytes: Uint8Array, random: RandomSource): Uint8Array {
  const number = Buffer.alloc(4);
  const value = random.pick(INTERESTING);
  const size = random.pick([1, 2, 4]);
  if (random.below(2) === 0) number.writeUInt32LE(value);
  else number.writeUInt32BE((value << (8 * (4 - size))) >>> 0);
  return overwrite(bytes, random.below(bytes.length), number.subarray(0, size));
}

function block(bytes: Uint8Array, random: RandomSource): Uint8Array {
  const at = random.below(bytes.length);
  return bytes.slice(at, at + 1 + random.below(MAX_BLOCK));
}

/** The beginning of one document and the end of another. */
function splice(bytes: Uint8Array, other: Uint8Array, random: RandomSource): Uint8Array {
  return Buffer.concat([bytes.subarray(0, random.below(bytes.length + 1)), other.subarray(random.below(other.length + 1))]);
}

function insertAt(bytes: Uint8Array, at: number, more: Uint8Array): Uint8Array {
  return Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]);
}

function overwrite(bytes: Uint8Array, at: number, more: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy.set(more.subarray(0, copy.length - at), at);
  return copy;
}
