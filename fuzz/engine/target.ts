/** One decoder under test, with everything an engine has to know about it. Targets are thin: the properties live in `run`. */
export interface Target {
  /** Longest input tried, bytes: room for every real document and little above. */
  readonly maxLength: number;
  /** The codes with which this decoder refuses; an error of any other class or code is a finding. */
  readonly refusals: ReadonlySet<string>;
  /** Tokens of the format, besides the literals found in the code itself. */
  readonly dictionary: readonly Uint8Array[];
  /** Structure-aware mutations: a changed document that is well-formed again, or null when `input` is not such a document. */
  readonly mutators: readonly StructuredMutator[];
  /**
   * Decodes `input` and checks the properties of what was accepted.
   * @throws DstackError of `refusals` when the decoder refuses; anything else is a finding
   */
  run(input: Uint8Array): void;
}

export type StructuredMutator = (input: Uint8Array, random: RandomSource) => Uint8Array | null;

/** Seeded, so that every run can be repeated. */
export interface RandomSource {
  /** Integer from 0 to `limit` - 1. */
  below(limit: number): number;
  /** One of `items`, which is not empty. */
  pick<T>(items: readonly T[]): T;
}

/** A property that does not hold. */
export class PropertyError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PropertyError';
  }
}

/** @throws PropertyError when `holds` is false */
export function check(holds: boolean, property: string): void {
  if (!holds) throw new PropertyError(property);
}
