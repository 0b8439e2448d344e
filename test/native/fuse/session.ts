import { read, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { ERRNO, Errno, refuse, type DirectoryNode, type Node, type OpenFile } from './nodes.js';
import * as wire from './wire.js';
import { OPCODE, type Request } from './wire.js';

const readAsync = promisify(read);

const ROOT = 1n;
const O_ACCMODE = 3;
const O_NONBLOCK = 0o4000;
const DEFAULT_EVENTS = 0x145; // POLLIN, POLLOUT and their NORM forms: the kernel's own answer for files without poll

interface Session {
  readonly fd: number;
  readonly nodes: Map<bigint, Node>;
  readonly numbers: Map<Node, bigint>;
  readonly handles: Map<bigint, OpenFile>;
  lastHandle: bigint;
  /** Requests being served, by their number, so that an interruption reaches them. */
  readonly pending: Map<bigint, AbortController>;
}

type Handler = (session: Session, request: Request, signal: AbortSignal) => Promise<Buffer> | Buffer;

const NOTHING = Buffer.alloc(0);

/** Serves the tree on a mounted FUSE descriptor until it is unmounted. Requests are served side by side. */
export async function serve(fd: number, root: DirectoryNode): Promise<void> {
  const session: Session = { fd, nodes: new Map([[ROOT, root]]), numbers: new Map([[root, ROOT]]), handles: new Map(), lastHandle: 0n, pending: new Map() };
  for (;;) {
    const buffer = Buffer.alloc(wire.REQUEST_BYTES);
    try {
      await readAsync(fd, buffer, 0, buffer.length, null);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENODEV') return;
      // The request went away before it could be read.
      if (code === 'ENOENT' || code === 'EINTR' || code === 'EAGAIN') continue;
      throw error;
    }
    void answer(session, wire.parseRequest(buffer));
  }
}

async function answer(session: Session, request: Request): Promise<void> {
  const { opcode, unique } = request;
  if (opcode === OPCODE.INTERRUPT) return session.pending.get(request.body.readBigUInt64LE(0))?.abort();
  if (opcode === OPCODE.FORGET || opcode === OPCODE.BATCH_FORGET) return;
  const controller = new AbortController();
  session.pending.set(unique, controller);
  let bytes: Buffer;
  try {
    const handler = HANDLERS[opcode] ?? refuse(ERRNO.ENOSYS);
    bytes = wire.reply(unique, 0, await handler(session, request, controller.signal));
  } catch (error) {
    bytes = wire.reply(unique, errnoOf(error, controller.signal));
  }
  session.pending.delete(unique);
  send(session, bytes);
}

function send({ fd }: Session, bytes: Buffer): void {
  try {
    writeSync(fd, bytes);
  } catch (error) {
    // Nobody waits for it any more, or the file system is unmounted.
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ENOENT' && code !== 'ENODEV') throw error;
  }
}

function errnoOf(error: unknown, signal: AbortSignal): number {
  if (error instanceof Errno) return error.errno;
  if (signal.aborted) return ERRNO.EINTR;
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return ERRNO.EIO;
}

const HANDLERS: Readonly<Record<number, Handler>> = {
  [OPCODE.INIT]: () => wire.initReply(),
  [OPCODE.DESTROY]: () => NOTHING,
  [OPCODE.STATFS]: () => Buffer.alloc(80),
  [OPCODE.LOOKUP]: (session, { node, body }) => entry(session, directoryOf(session, node).entries.get(wire.nameAt(body, 0)) ?? refuse(ERRNO.ENOENT)),
  [OPCODE.GETATTR]: (session, { node }) => wire.attrReply(attributesOf(session, nodeOf(session, node))),
  // Truncation and times: taken and ignored, as configfs and sysfs do.
  [OPCODE.SETATTR]: (session, { node }) => wire.attrReply(attributesOf(session, nodeOf(session, node))),
  [OPCODE.MKDIR]: (session, { node, body }) => entry(session, makeDirectory(directoryOf(session, node), wire.nameAt(body, 8))),
  [OPCODE.RMDIR]: (session, { node, body }) => {
    const parent = directoryOf(session, node);
    (parent.rmdir ?? refuse(ERRNO.EACCES))(wire.nameAt(body, 0));
    return NOTHING;
  },
  [OPCODE.OPENDIR]: () => wire.openReply(0n),
  [OPCODE.READDIR]: readDirectory,
  [OPCODE.RELEASEDIR]: () => NOTHING,
  [OPCODE.OPEN]: (session, { node, body }) => {
    const file = nodeOf(session, node);
    if (file.kind !== 'file') return refuse(ERRNO.EISDIR);
    const flags = body.readUInt32LE(0);
    session.handles.set(++session.lastHandle, file.open({ writing: (flags & O_ACCMODE) !== 0, nonBlocking: (flags & O_NONBLOCK) !== 0 }));
    return wire.openReply(session.lastHandle);
  },
  [OPCODE.READ]: async (session, { body }, signal) => {
    const file = handleOf(session, body);
    return Buffer.from(await (file.read ?? refuse(ERRNO.EINVAL))(Number(body.readBigUInt64LE(8)), body.readUInt32LE(16), signal));
  },
  [OPCODE.WRITE]: async (session, { body }, signal) => {
    const file = handleOf(session, body);
    return wire.writeReply(await (file.write ?? refuse(ERRNO.EINVAL))(body.subarray(40, 40 + body.readUInt32LE(16)), signal));
  },
  [OPCODE.IOCTL]: async (session, { body, pid }, signal) => {
    const call = { request: body.readUInt32LE(12), argument: body.readBigUInt64LE(16), input: body.subarray(32, 32 + body.readUInt32LE(24)), pid };
    return wire.ioctlReply(await (handleOf(session, body).ioctl ?? refuse(ERRNO.ENOTTY))(call, signal));
  },
  [OPCODE.POLL]: (session, { body }) => {
    const kernelHandle = body.readBigUInt64LE(8);
    const { poll } = handleOf(session, body);
    return wire.pollReply(poll === undefined ? DEFAULT_EVENTS : poll(() => send(session, wire.pollNotification(kernelHandle))));
  },
  [OPCODE.FLUSH]: async (session, { body }) => {
    await handleOf(session, body).flush?.();
    return NOTHING;
  },
  [OPCODE.RELEASE]: (session, { body }) => {
    session.handles.delete(body.readBigUInt64LE(0));
    return NOTHING;
  },
};

function nodeOf({ nodes }: Session, number: bigint): Node {
  return nodes.get(number) ?? refuse(ERRNO.ENOENT);
}

function directoryOf(session: Session, number: bigint): DirectoryNode {
  const node = nodeOf(session, number);
  return node.kind === 'directory' ? node : refuse(ERRNO.ENOTDIR);
}

function handleOf({ handles }: Session, body: Buffer): OpenFile {
  return handles.get(body.readBigUInt64LE(0)) ?? refuse(ERRNO.EINVAL);
}

/** Numbers are given at first sight and kept: a test's tree is small. */
function numberOf({ nodes, numbers }: Session, node: Node): bigint {
  const known = numbers.get(node);
  if (known !== undefined) return known;
  const number = ROOT + BigInt(nodes.size);
  nodes.set(number, node);
  numbers.set(node, number);
  return number;
}

function attributesOf(session: Session, node: Node): Buffer {
  return wire.attributes(numberOf(session, node), node.kind === 'directory');
}

function entry(session: Session, node: Node): Buffer {
  return wire.entryReply(numberOf(session, node), attributesOf(session, node));
}

function makeDirectory(parent: DirectoryNode, name: string): DirectoryNode {
  if (parent.entries.has(name)) return refuse(ERRNO.EEXIST);
  return (parent.mkdir ?? refuse(ERRNO.EACCES))(name);
}

function readDirectory(session: Session, { node, body }: Request): Buffer {
  const offset = Number(body.readBigUInt64LE(8));
  const room = body.readUInt32LE(16);
  const parts: Buffer[] = [];
  let used = 0;
  for (const [i, [name, child]] of [...directoryOf(session, node).entries].entries()) {
    if (i < offset) continue;
    const part = wire.directoryEntry(numberOf(session, child), i + 1, name, child.kind === 'directory');
    used += part.length;
    if (used > room) break;
    parts.push(part);
  }
  return Buffer.concat(parts);
}
