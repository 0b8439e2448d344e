import type { DescExtension, DescFile, DescService, Registry } from '@bufbuild/protobuf';
import { createRegistry, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';

/** The schema behind a set of services, indexed the ways gRPC reflection asks for it. Built once; answers are copies of bytes made once. */
export class SchemaIndex {
  readonly services: readonly string[];
  readonly #files = new Map<string, DescFile>();
  readonly #registry: Registry;
  readonly #encoded = new Map<DescFile, Uint8Array>();

  constructor(services: readonly DescService[]) {
    this.services = [...new Set(services.map((service) => service.typeName))].sort();
    for (const service of services) this.#addFile(service.file);
    this.#registry = createRegistry(...this.#files.values());
  }

  #addFile(file: DescFile): void {
    if (this.#files.has(file.proto.name)) return;
    this.#files.set(file.proto.name, file);
    for (const dependency of file.dependencies) this.#addFile(dependency);
  }

  /** Encoded FileDescriptorProto messages: the file and what it imports, itself first; null when unknown. */
  file(name: string): readonly Uint8Array[] | null {
    const file = this.#files.get(name);
    return file === undefined ? null : this.#withImports(file);
  }

  /** The file that declares a message, enum, service, method, field or extension of that full name. */
  fileOfSymbol(symbol: string): readonly Uint8Array[] | null {
    const found = this.#registry.get(symbol) ?? this.#memberOwner(symbol);
    return found === undefined ? null : this.#withImports(found.file);
  }

  /** Methods, fields and enum values are found through what they belong to. */
  #memberOwner(symbol: string): { readonly file: DescFile } | undefined {
    const dot = symbol.lastIndexOf('.');
    const owner = this.#registry.get(symbol.slice(0, Math.max(dot, 0)));
    const name = symbol.slice(dot + 1);
    switch (owner?.kind) {
      case 'service':
        return owner.methods.some((method) => method.name === name) ? owner : undefined;
      case 'message':
        return owner.fields.some((field) => field.name === name) ? owner : undefined;
      default:
        return undefined;
    }
  }

  fileOfExtension(type: string, number: number): readonly Uint8Array[] | null {
    const found = this.#extensions(type).find((extension) => extension.number === number);
    return found === undefined ? null : this.#withImports(found.file);
  }

  /** Field numbers of the known extensions of a message type; null when there is no such type. */
  extensionNumbers(type: string): readonly number[] | null {
    if (this.#registry.getMessage(type) === undefined) return null;
    return this.#extensions(type).map((extension) => extension.number);
  }

  #extensions(type: string): readonly DescExtension[] {
    return [...this.#registry].filter((desc) => desc.kind === 'extension').filter((extension) => extension.extendee.typeName === type);
  }

  #withImports(file: DescFile): readonly Uint8Array[] {
    const all = new Set<DescFile>();
    const add = (next: DescFile): void => {
      if (all.has(next)) return;
      all.add(next);
      next.dependencies.forEach(add);
    };
    add(file);
    return [...all].map((next) => this.#encode(next));
  }

  #encode(file: DescFile): Uint8Array {
    let bytes = this.#encoded.get(file);
    if (bytes === undefined) {
      bytes = toBinary(FileDescriptorProtoSchema, file.proto);
      this.#encoded.set(file, bytes);
    }
    return bytes;
  }
}
