import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import { invalidArgument } from '../../errors/service-error.js';
import { prpcFields } from './field-shape.js';
import type { PrpcField } from './field-shape.js';
import { JsonReader, OPEN_LIST, OPEN_OBJECT, utf8Text } from './json-parse.js';
import { scalarReader, wrongType } from './json-scalar.js';

/** Items one repeated field may have. */
export const MAX_LIST_ITEMS = 65_536;

const EMPTY = 'google.protobuf.Empty';
const NULL = 0x6e;

type Target = Record<string, unknown>;
type ReadMessage = (reader: JsonReader) => unknown;
/** Reads one value into the field. */
type ReadField = (reader: JsonReader, target: Target) => void;

const compiled = new WeakMap<DescMessage, ReadMessage>();

/**
 * Decodes the body of a prpc POST in JSON mode (spec/prpc.md section 4).
 *
 * An empty body is the default message; a message of type google.protobuf.Empty takes any body. The caller
 * bounds the size of the body; depth is at most 64 (MAX_JSON_DEPTH) and a list has at most MAX_LIST_ITEMS.
 * Throws ServiceError INVALID_ARGUMENT with the text the existing services give, and nothing else.
 */
export function decodePrpcJson<D extends DescMessage>(desc: D, body: Uint8Array | string): MessageShape<D> {
  if (body.length === 0 || desc.typeName === EMPTY) return create(desc);
  const reader = new JsonReader(typeof body === 'string' ? body : utf8Text(body));
  const message = messageReader(desc)(reader);
  reader.finish();
  return message as MessageShape<D>;
}

/** Compiled once per message type: a closure for each field, found by key. */
function messageReader(desc: DescMessage): ReadMessage {
  let read = compiled.get(desc);
  if (read === undefined) {
    read = compileMessage(desc);
    compiled.set(desc, read);
  }
  return read;
}

function compileMessage(desc: DescMessage): ReadMessage {
  const fields = prpcFields(desc);
  const indexes = new Map(fields.map((field, index) => [field.name, index]));
  const readers = fields.map(compileField);
  const positional = readers.filter((_, index) => fields[index]?.positional === true);
  return (reader) => {
    const open = reader.peek();
    if (open !== OPEN_OBJECT && open !== OPEN_LIST) throw wrongType(reader, `struct ${desc.name}`);
    const message = create(desc);
    const target = message as unknown as Target;
    if (open === OPEN_OBJECT) readObject(reader, target, indexes, readers);
    else readPositions(reader, target, positional);
    return message;
  };
}

function readObject(reader: JsonReader, target: Target, indexes: ReadonlyMap<string, number>, readers: readonly ReadField[]): void {
  const seen: boolean[] = [];
  reader.enter();
  for (let first = true; ; first = false) {
    const key = reader.nextKey(first);
    if (key === null) return;
    const index = indexes.get(key);
    if (index === undefined) {
      reader.colon();
      reader.skip();
      continue;
    }
    if (seen[index] === true) throw reader.error(`duplicate field \`${key}\``);
    seen[index] = true;
    reader.colon();
    readers[index]?.(reader, target);
  }
}

/** A list in place of an object gives the fields in declaration order; missing ones keep their defaults. */
function readPositions(reader: JsonReader, target: Target, readers: readonly ReadField[]): void {
  reader.enter();
  let count = 0;
  while (reader.nextItem(count === 0)) {
    const read = readers[count++];
    if (read === undefined) throw reader.errorNext('trailing characters');
    read(reader, target);
  }
}

function compileField(field: PrpcField): ReadField {
  const { local } = field;
  const read = valueReader(field);
  if (field.repeated) {
    return (reader, target) => {
      target[local] = readList(reader, read, field.name);
    };
  }
  if (field.nullable) {
    return (reader, target) => {
      if (reader.peek() === NULL) reader.word('null');
      else target[local] = read(reader);
    };
  }
  return (reader, target) => {
    target[local] = read(reader);
  };
}

function valueReader({ value }: PrpcField): (reader: JsonReader) => unknown {
  // Looked up when used: a message type can contain itself.
  if (value.message !== null) return (reader) => messageReader(value.message)(reader);
  return scalarReader(value.kind);
}

function readList(reader: JsonReader, read: (reader: JsonReader) => unknown, name: string): unknown[] {
  if (reader.peek() !== OPEN_LIST) throw wrongType(reader, 'a sequence');
  reader.enter();
  const items: unknown[] = [];
  while (reader.nextItem(items.length === 0)) {
    if (items.length === MAX_LIST_ITEMS) throw invalidArgument(`\`${name}\` has more than ${MAX_LIST_ITEMS} items`);
    items.push(read(reader));
  }
  return items;
}
