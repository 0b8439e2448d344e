// What a file system is made of, whatever carries it.

/** Linux, asm-generic/errno-base.h and errno.h. */
export const ERRNO = {
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  E2BIG: 7,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENOTTY: 25,
  ENOSPC: 28,
  ENOSYS: 38,
  EMSGSIZE: 90,
  ETIMEDOUT: 110,
} as const;

/** Ends a request of the kernel's with an errno. */
export class Errno extends Error {
  readonly errno: number;
  constructor(errno: number) {
    super(`errno ${errno}`);
    this.errno = errno;
  }
}

export interface IoctlCall {
  readonly request: number;
  /** The third argument of ioctl(2), as the caller gave it. */
  readonly argument: bigint;
  /** What the kernel copied from there: nothing unless the request number says "write". */
  readonly input: Buffer;
  readonly pid: number;
}

/** One open(2) of a file. Each call may be slow; `signal` tells that the caller was interrupted. */
export interface OpenFile {
  read?(offset: number, size: number, signal: AbortSignal): Promise<Uint8Array> | Uint8Array;
  /** Returns how many bytes were taken. */
  write?(data: Buffer, signal: AbortSignal): Promise<number> | number;
  /** Returns what the kernel is to copy back: nothing unless the request number says "read". */
  ioctl?(call: IoctlCall, signal: AbortSignal): Promise<Uint8Array> | Uint8Array;
  /** The events of poll(2) there are now; `notify` is to be called when there are others. */
  poll?(notify: () => void): number;
  /** At each close(2), which waits for it and takes its error. */
  flush?(): Promise<void> | void;
}

export interface OpenMode {
  readonly writing: boolean;
  /** O_NONBLOCK. */
  readonly nonBlocking: boolean;
}

export interface FileNode {
  readonly kind: 'file';
  open(mode: OpenMode): OpenFile;
}

export interface DirectoryNode {
  readonly kind: 'directory';
  readonly entries: Map<string, Node>;
  mkdir?(name: string): DirectoryNode;
  rmdir?(name: string): void;
}

export type Node = FileNode | DirectoryNode;

export function directory(entries: Readonly<Record<string, Node>>): DirectoryNode {
  return { kind: 'directory', entries: new Map(Object.entries(entries)) };
}

/** A file whose text is made anew for each read, like a kernel attribute. */
export function attribute(text: () => string): FileNode {
  return { kind: 'file', open: ({ writing }) => (writing ? refuse(ERRNO.EACCES) : { read: (offset, size) => slice(Buffer.from(text()), offset, size) }) };
}

export function slice(bytes: Uint8Array, offset: number, size: number): Uint8Array {
  return bytes.subarray(offset, offset + size);
}

export function refuse(errno: number): never {
  throw new Errno(errno);
}
