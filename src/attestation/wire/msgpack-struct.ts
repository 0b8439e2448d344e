import { malformed, type MsgpackReader } from './msgpack-reader.js';

/** How one field of a struct is read, and what stands for it when it is missing. */
export interface FieldSpec<T> {
  readonly read: (reader: MsgpackReader, what: string) => T;
  /** null when the field is required. */
  readonly fallback: { readonly value: T } | null;
}

export type StructSpec = Readonly<Record<string, FieldSpec<unknown>>>;

export type StructOf<S extends StructSpec> = { [K in keyof S]: S[K] extends FieldSpec<infer T> ? T : never };

export function required<T>(read: FieldSpec<T>['read']): FieldSpec<T> {
  return { read, fallback: null };
}

export function optional<T>(read: FieldSpec<T>['read'], value: T): FieldSpec<T> {
  return { read, fallback: { value } };
}

export const text: FieldSpec<string>['read'] = (reader, what) => reader.text(what);
export const bytes: FieldSpec<Uint8Array>['read'] = (reader, what) => reader.bytes(what);
export const u32: FieldSpec<number>['read'] = (reader, what) => reader.uint(what, 0xffff_ffff);
export const nullableText: FieldSpec<string | null>['read'] = (reader, what) => (reader.takeNil() ? null : reader.text(what));
/** Where the value starts; the value itself is skipped, to be read once its type is known. */
export const position: FieldSpec<number>['read'] = (reader) => {
  const at = reader.offset;
  reader.skip();
  return at;
};

/** A list of at most `max` elements. */
export function listOf<T>(read: FieldSpec<T>['read'], max: number): FieldSpec<T[]>['read'] {
  return (reader, what) => {
    const count = reader.arrayHeader(what, max);
    const out: T[] = [];
    for (let i = 0; i < count; i++) out.push(read(reader, `${what}[${i}]`));
    return out;
  };
}

/** `readStruct` as a field reader. */
export function structOf<S extends StructSpec>(spec: S): FieldSpec<StructOf<S>>['read'] {
  return (reader, what) => readStruct(reader, what, spec);
}

/**
 * Reads a struct the way serde does (spec/attestation.md section 3.3): a map in any key order with
 * unknown keys ignored and known keys at most once, or an array in field order, whose optional tail may
 * be missing.
 * @throws VerificationError ATTESTATION_MALFORMED
 */
export function readStruct<S extends StructSpec>(reader: MsgpackReader, what: string, spec: S): StructOf<S> {
  const values = reader.isArray() ? positional(reader, what, spec) : named(reader, what, spec);
  for (const [name, field] of Object.entries(spec)) {
    if (values.has(name)) continue;
    if (field.fallback === null) malformed(`${what} has no ${name}`);
    values.set(name, field.fallback?.value);
  }
  return Object.fromEntries(values) as StructOf<S>;
}

function named(reader: MsgpackReader, what: string, spec: StructSpec): Map<string, unknown> {
  const values = new Map<string, unknown>();
  const count = reader.mapHeader(what);
  for (let i = 0; i < count; i++) {
    const name = reader.text(`a key of ${what}`);
    const field = Object.hasOwn(spec, name) ? spec[name] : undefined;
    if (field === undefined) {
      reader.skip();
      continue;
    }
    if (values.has(name)) malformed(`${what} has ${name} twice`);
    values.set(name, field.read(reader, `${what}.${name}`));
  }
  return values;
}

function positional(reader: MsgpackReader, what: string, spec: StructSpec): Map<string, unknown> {
  const fields = Object.entries(spec);
  const count = reader.arrayHeader(what, fields.length);
  const values = new Map<string, unknown>();
  for (const [name, field] of fields.slice(0, count)) values.set(name, field.read(reader, `${what}.${name}`));
  return values;
}
