import { constants } from 'node:os';
import { Socket } from 'node:net';
import { EvidenceSourceError } from '../errors/evidence-source-error.js';
import { ListenError } from '../errors/listen-error.js';
import type { NativeBinding, VsockConnectRequest, VsockListener, VsockListenRequest } from './binding.js';

/** Milliseconds until accepting is tried again after it failed, e.g. for want of descriptors. */
const ACCEPT_AGAIN_MS = 100;

/** A vsock address that is being listened on. */
export interface VsockServer {
  readonly cid: number;
  /** As bound, also when any was asked for. */
  readonly port: number;
  /**
   * Gives the address up at once, and leaves connections alone. Resolves when the last of them is gone, and what was written to it
   * has left or has had two seconds to. Calling it again waits for the same end.
   */
  close(): Promise<void>;
}

/** Who connected: vsock(7). */
export interface VsockPeer {
  readonly cid: number;
  readonly port: number;
}

/**
 * Listens on a vsock address. `accepted` gets each connection as a socket that can be half-closed, paused, and not reading yet.
 * The process is kept alive until it is closed.
 * @throws ListenError NO_VSOCK, ADDRESS_IN_USE, ADDRESS_NOT_AVAILABLE; EvidenceSourceError when the system is out of something
 */
export function listenOnVsock(native: Pick<NativeBinding, 'vsockListen'>, request: VsockListenRequest, accepted: (socket: Socket, peer: VsockPeer) => void): VsockServer {
  const listener = listen(native, request);
  const bell = new Socket({ fd: listener.takeBell() });
  const silent = new Promise<void>((resolve) => void bell.once('close', () => resolve()));
  let again: NodeJS.Timeout | null = null;
  const next = (): ReturnType<typeof listener.accept> => {
    try {
      return listener.accept();
    } catch {
      again ??= setTimeout(accept, ACCEPT_AGAIN_MS);
      return null;
    }
  };
  const accept = (): void => {
    again = null;
    for (let found = next(); found !== null; found = next()) accepted(socketOf(found.fd).pause(), { cid: found.cid, port: found.port });
  };
  bell.on('data', accept).on('error', () => undefined);
  return {
    cid: listener.cid,
    port: listener.port,
    close() {
      if (again !== null) clearTimeout(again);
      listener.close();
      return silent;
    },
  };
}

function listen(native: Pick<NativeBinding, 'vsockListen'>, request: VsockListenRequest): VsockListener {
  try {
    return native.vsockListen(request);
  } catch (cause) {
    throw asListenError(cause);
  }
}

/** The addon says why in the number of the system's error. */
function asListenError(error: unknown): unknown {
  if (!(error instanceof EvidenceSourceError) || !(error.cause instanceof Error) || !('errno' in error.cause)) return error;
  switch (error.cause.errno) {
    case constants.errno.EADDRINUSE:
      return new ListenError('ADDRESS_IN_USE', error.message, { cause: error });
    case constants.errno.EADDRNOTAVAIL:
    case constants.errno.EACCES:
    case constants.errno.EPERM:
      return new ListenError('ADDRESS_NOT_AVAILABLE', error.message, { cause: error });
    case constants.errno.EAFNOSUPPORT:
      return new ListenError('NO_VSOCK', error.message, { cause: error });
    default:
      return error;
  }
}

/**
 * Connects to a vsock address; the socket can be half-closed.
 * @param signal gives up waiting; the connection itself lasts until it is closed
 * @throws EvidenceSourceError DEVICE_TIMEOUT at the deadline, DEVICE_ABSENT or DEVICE_FAILED when nobody answers; the reason of `signal`
 */
export async function connectVsock(native: Pick<NativeBinding, 'vsockConnect'>, request: VsockConnectRequest, signal?: AbortSignal): Promise<Socket> {
  signal?.throwIfAborted();
  const connecting = native.vsockConnect(request).then(socketOf);
  if (signal === undefined) return connecting;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort);
    connecting
      .then((socket) => (signal.aborted ? void socket.destroy() : resolve(socket)), reject)
      .finally(() => signal.removeEventListener('abort', abort));
  });
}

function socketOf(fd: number): Socket {
  return new Socket({ fd, allowHalfOpen: true });
}
