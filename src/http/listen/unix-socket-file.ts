import type { Stats } from 'node:fs';
import { chmod, lstat, mkdtemp, rename, rm, stat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { ListenError } from '../../errors/listen-error.js';

/** Bytes a socket path may have on Linux, without the final zero (unix(7)). */
const MAX_SOCKET_PATH = 107;

/** A socket file this process put in place. */
export interface SocketFile {
  /** Removes the file, unless somebody has put another in its place meanwhile. */
  remove(): Promise<void>;
}

/**
 * Puts a listening socket in place at `path` with permission bits `mode`, in one step: it is bound in a private
 * folder beside it, given its mode, and moved over whatever stale socket is there, so that nobody ever
 * finds a socket with the wrong mode or none at all.
 *
 * `bind` starts listening at the path it is given. Throws ListenError: ADDRESS_IN_USE when a live server
 * answers at `path`, NOT_A_SOCKET when another kind of file is there, FOLDER_MISSING, PATH_TOO_LONG.
 */
export async function placeSocketFile(path: string, mode: number, bind: (path: string) => Promise<void>): Promise<SocketFile> {
  const folder = dirname(path);
  await requireFolder(folder);
  await requireReplaceable(path);
  const workshop = await mkdtemp(join(folder, '.s'));
  try {
    const fresh = join(workshop, 's');
    if (Buffer.byteLength(fresh) > MAX_SOCKET_PATH) {
      throw new ListenError('PATH_TOO_LONG', `no socket can be bound in ${folder}: a path may have ${MAX_SOCKET_PATH} bytes`);
    }
    await bind(fresh);
    await chmod(fresh, mode);
    await rename(fresh, path);
  } finally {
    await rm(workshop, { recursive: true, force: true });
  }
  const placed = await lstat(path);
  return { remove: () => removeIfSame(path, placed) };
}

async function requireFolder(folder: string): Promise<void> {
  const found = await orNull(stat(folder));
  if (found?.isDirectory() !== true) throw new ListenError('FOLDER_MISSING', `there is no folder ${folder} to put a socket in`);
}

/** Only a socket that nobody answers on may be replaced. */
async function requireReplaceable(path: string): Promise<void> {
  const found = await orNull(lstat(path));
  if (found === null) return;
  if (!found.isSocket()) throw new ListenError('NOT_A_SOCKET', `${path} exists and is not a socket`);
  if (await answers(path)) throw new ListenError('ADDRESS_IN_USE', `another server is listening on ${path}`);
}

/** Refused means stale; any other outcome, a full queue included, is taken for a live server. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const decide = (alive: boolean): void => {
      socket.destroy();
      resolve(alive);
    };
    socket.once('connect', () => decide(true));
    socket.once('error', (error: NodeJS.ErrnoException) => decide(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'));
  });
}

async function removeIfSame(path: string, placed: Stats): Promise<void> {
  const found = await orNull(lstat(path));
  if (found !== null && found.dev === placed.dev && found.ino === placed.ino) await orNull(unlink(path));
}

async function orNull<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
