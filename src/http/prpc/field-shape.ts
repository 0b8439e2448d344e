import type { DescField, DescMessage } from '@bufbuild/protobuf';
import { getOption, ScalarType } from '@bufbuild/protobuf';
import { omit_empty, prpc_name } from '../../../gen/dstack/options/v1/options_pb.js';

export type IntegerKind = 'int32' | 'uint32' | 'int64' | 'uint64';

/** The scalars the prpc dialect has. Floats, enums, maps and oneofs occur in none of its services. */
export type ScalarKind = 'string' | 'bytes' | 'bool' | IntegerKind;

/** Type of a field, or of the items of a repeated one. */
export type PrpcValue =
  | { readonly kind: ScalarKind; readonly message: null }
  | { readonly kind: 'message'; readonly message: DescMessage };

/** One field as the prpc dialect sees it. */
export interface PrpcField {
  /** JSON key and query key: the proto name, or the option `prpc_name`. */
  readonly name: string;
  /** Property of the generated message. */
  readonly local: string;
  readonly value: PrpcValue;
  readonly repeated: boolean;
  /** Can be unset, so `null` is a value of it: `optional` scalars and singular messages. */
  readonly nullable: boolean;
  /** Absent from JSON when it has the default value (option `omit_empty`). */
  readonly omitEmpty: boolean;
  /** Has a place in the positional form. Our own additions, numbered from 1000, have none: peers know nothing of them. */
  readonly positional: boolean;
}

const FIRST_OWN_FIELD_NUMBER = 1000;
const PROTO3_EDITION = 999;

const KINDS: ReadonlyMap<ScalarType, ScalarKind> = new Map([
  [ScalarType.STRING, 'string'],
  [ScalarType.BYTES, 'bytes'],
  [ScalarType.BOOL, 'bool'],
  [ScalarType.INT32, 'int32'],
  [ScalarType.UINT32, 'uint32'],
  [ScalarType.INT64, 'int64'],
  [ScalarType.UINT64, 'uint64'],
]);

const shapes = new WeakMap<DescMessage, readonly PrpcField[]>();

/**
 * The fields of a message in declaration order, which is the order of JSON keys (spec/prpc.md section 6).
 * Throws TypeError for a message the dialect cannot carry: a mistake in a proto file, not in a request.
 */
export function prpcFields(desc: DescMessage): readonly PrpcField[] {
  let fields = shapes.get(desc);
  if (fields === undefined) {
    if ((desc.file.edition as number) !== PROTO3_EDITION) throw new TypeError(`prpc: ${desc.typeName} is not proto3`);
    fields = desc.fields.map(shapeOf);
    const names = new Set(fields.map((field) => field.name));
    if (names.size !== fields.length) throw new TypeError(`prpc: ${desc.typeName} uses a JSON key twice`);
    shapes.set(desc, fields);
  }
  return fields;
}

/**
 * Checks that a message and everything inside it can be carried, so that a service with an unfit proto
 * file fails when it is put together and not at its first request. Throws TypeError.
 */
export function assertPrpcShape(desc: DescMessage, seen: Set<DescMessage> = new Set()): void {
  if (seen.has(desc)) return;
  seen.add(desc);
  for (const field of prpcFields(desc)) {
    if (field.value.message !== null) assertPrpcShape(field.value.message, seen);
  }
}

function shapeOf(field: DescField): PrpcField {
  const renamed = getOption(field, prpc_name);
  return {
    name: renamed === '' ? field.name : renamed,
    local: field.localName,
    value: valueOf(field),
    repeated: field.fieldKind === 'list',
    nullable: field.fieldKind === 'message' || field.proto.proto3Optional,
    omitEmpty: getOption(field, omit_empty),
    positional: field.number < FIRST_OWN_FIELD_NUMBER,
  };
}

function valueOf(field: DescField): PrpcValue {
  if (field.fieldKind === 'message' || (field.fieldKind === 'list' && field.listKind === 'message')) {
    if (field.oneof === undefined) return { kind: 'message', message: field.message };
  } else if (field.fieldKind === 'scalar' || (field.fieldKind === 'list' && field.listKind === 'scalar')) {
    const kind = KINDS.get(field.scalar);
    if (kind !== undefined && field.oneof === undefined && !field.longAsString) return { kind, message: null };
  }
  throw new TypeError(`prpc: no encoding for ${field.parent.typeName}.${field.name}`);
}
