import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { scratch } from './addon.js';

type Message = Readonly<Record<string, unknown>>;

/** A process that listens on vsock, and this one in the place of the machines that connect to it. */
export interface VsockChild {
  readonly process: ChildProcess;
  /** As it says itself. */
  readonly bound: Message;
  /** What it said of connections that are kept (`k`), in order. */
  readonly events: unknown[];
  /** A connection that has sent `first`. */
  dial(first: string): Socket;
  /** Has it do something, see vsock-child.mjs. */
  tell(command: string, more?: Message): Promise<Message>;
}

export interface ChildOptions {
  readonly port?: number;
  readonly maxConnections?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Descriptors the process may have. */
  readonly descriptors?: number;
}

export async function vsockChild(shim: string, { port = 8000, maxConnections = 4096, env = {}, descriptors }: ChildOptions = {}): Promise<VsockChild> {
  const folder = await scratch();
  const script = fileURLToPath(new URL('vsock-child.mjs', import.meta.url));
  const request = JSON.stringify({ cid: 0xffff_ffff, port, backlog: 511, maxConnections });
  const child = fork(script, [request], {
    env: { ...process.env, ...env, SHIM_LISTEN: folder, LD_PRELOAD: shim },
    ...(descriptors === undefined ? {} : { execPath: '/bin/sh', execArgv: ['-c', `ulimit -n ${descriptors}; exec "${process.execPath}" "$@"`, 'sh'] }),
  });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  const events: unknown[] = [];
  child.on('message', (message: Message) => void ('event' in message && events.push(message['event'])));
  const [bound] = (await once(child, 'message')) as [Message];
  return {
    process: child,
    bound,
    events,
    dial(first) {
      const socket = connect({ path: `${folder}/${String(bound['cid'])}:${String(bound['port'])}`, allowHalfOpen: true });
      socket.on('error', () => undefined);
      onTestFinished(() => void socket.destroy());
      socket.write(first);
      return socket;
    },
    async tell(command, more = {}) {
      const answer = new Promise<Message>((resolve) => {
        const hear = (message: Message): void => {
          if (message['command'] !== command) return;
          child.off('message', hear);
          resolve(message);
        };
        child.on('message', hear);
      });
      child.send({ command, ...more });
      return answer;
    },
  };
}

/** Everything a socket says until it ends. */
export async function everything(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk)).resume();
  await new Promise<void>((resolve) => void socket.once('end', resolve).once('close', resolve));
  return Buffer.concat(chunks);
}

/** Until a socket is gone; what it still says is not looked at. */
export async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise((resolve) => socket.resume().once('close', resolve));
}
