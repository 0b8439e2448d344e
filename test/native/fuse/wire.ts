// The messages of /dev/fuse that a directory tree with files and ioctls needs: include/uapi/linux/fuse.h, version 7.31.

export const OPCODE = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  MKDIR: 9,
  RMDIR: 11,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  STATFS: 17,
  RELEASE: 18,
  FLUSH: 25,
  INIT: 26,
  OPENDIR: 27,
  READDIR: 28,
  RELEASEDIR: 29,
  INTERRUPT: 36,
  DESTROY: 38,
  IOCTL: 39,
  POLL: 40,
  BATCH_FORGET: 42,
} as const;

/** No page cache in between: each read(2) and write(2) is one request. */
const FOPEN_DIRECT_IO = 1;
const MAX_WRITE = 131_072;
/** The kernel refuses a read(2) with less room than a full write and its headers. */
export const REQUEST_BYTES = MAX_WRITE + 4096;

const IN_HEADER = 40;

export interface Request {
  readonly opcode: number;
  readonly unique: bigint;
  readonly node: bigint;
  readonly pid: number;
  readonly body: Buffer;
}

export function parseRequest(bytes: Buffer): Request {
  return {
    opcode: bytes.readUInt32LE(4),
    unique: bytes.readBigUInt64LE(8),
    node: bytes.readBigUInt64LE(16),
    pid: bytes.readUInt32LE(32),
    body: bytes.subarray(IN_HEADER, bytes.readUInt32LE(0)),
  };
}

/** fuse_out_header and what follows it; with an errno nothing does. */
export function reply(unique: bigint, errno: number, body: Uint8Array = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(16 + body.length, 0);
  header.writeInt32LE(-errno, 4);
  header.writeBigUInt64LE(unique, 8);
  return Buffer.concat([header, body]);
}

/** fuse_init_out. */
export function initReply(): Buffer {
  const body = Buffer.alloc(64);
  body.writeUInt32LE(7, 0);
  body.writeUInt32LE(31, 4);
  body.writeUInt16LE(16, 16); // max_background
  body.writeUInt16LE(12, 18); // congestion_threshold
  body.writeUInt32LE(MAX_WRITE, 20);
  body.writeUInt32LE(1, 24); // time_gran
  return body;
}

/** fuse_attr. Sizes are zero, as those of kernel attributes; reads do not go by them. */
export function attributes(node: bigint, isDirectory: boolean): Buffer {
  const body = Buffer.alloc(88);
  body.writeBigUInt64LE(node, 0);
  body.writeUInt32LE(isDirectory ? 0o040755 : 0o100644, 60);
  body.writeUInt32LE(isDirectory ? 2 : 1, 64);
  body.writeUInt32LE(process.getuid?.() ?? 0, 68);
  body.writeUInt32LE(process.getgid?.() ?? 0, 72);
  body.writeUInt32LE(4096, 80);
  return body;
}

/** fuse_attr_out, never cached. */
export function attrReply(attr: Buffer): Buffer {
  return Buffer.concat([Buffer.alloc(16), attr]);
}

/** fuse_entry_out, never cached. */
export function entryReply(node: bigint, attr: Buffer): Buffer {
  const head = Buffer.alloc(40);
  head.writeBigUInt64LE(node, 0);
  return Buffer.concat([head, attr]);
}

/** fuse_open_out. */
export function openReply(handle: bigint): Buffer {
  const body = Buffer.alloc(16);
  body.writeBigUInt64LE(handle, 0);
  body.writeUInt32LE(FOPEN_DIRECT_IO, 8);
  return body;
}

/** fuse_write_out. */
export function writeReply(taken: number): Buffer {
  const body = Buffer.alloc(8);
  body.writeUInt32LE(taken, 0);
  return body;
}

/** fuse_ioctl_out with result 0 and what goes to the caller's memory. */
export function ioctlReply(output: Uint8Array): Buffer {
  return Buffer.concat([Buffer.alloc(16), output]);
}

/** fuse_poll_out. */
export function pollReply(events: number): Buffer {
  const body = Buffer.alloc(8);
  body.writeUInt32LE(events, 0);
  return body;
}

/** FUSE_NOTIFY_POLL: whoever polls this handle is to ask again. */
export function pollNotification(kernelHandle: bigint): Buffer {
  const body = Buffer.alloc(8);
  body.writeBigUInt64LE(kernelHandle, 0);
  return reply(0n, -1, body);
}

/** One fuse_dirent, padded to 8 bytes. */
export function directoryEntry(node: bigint, nextOffset: number, name: string, isDirectory: boolean): Buffer {
  const bytes = Buffer.from(name);
  const body = Buffer.alloc(Math.ceil((24 + bytes.length) / 8) * 8);
  body.writeBigUInt64LE(node, 0);
  body.writeBigUInt64LE(BigInt(nextOffset), 8);
  body.writeUInt32LE(bytes.length, 16);
  body.writeUInt32LE(isDirectory ? 4 : 8, 20);
  bytes.copy(body, 24);
  return body;
}

/** A NUL-terminated name at `offset` of a request. */
export function nameAt(body: Buffer, offset: number): string {
  return body.subarray(offset, body.indexOf(0, offset)).toString('utf8');
}
