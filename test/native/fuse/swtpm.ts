import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const HEADER_BYTES = 10;
const SHUTDOWN_CLEAR = Buffer.from('80010000000c000001450000', 'hex');

/** A software TPM 2.0 (swtpm(8)) whose persistent state lives in `folder`; it ends with the connection to it. */
export class Swtpm {
  readonly #folder: string;
  #child: ChildProcess | null = null;
  #socket: Socket | null = null;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** One command, one response; commands asked for at the same time are sent one after the other. */
  transmit(command: Uint8Array): Promise<Buffer> {
    const answer = this.#turn.then(() => this.#exchange(command));
    this.#turn = answer.catch(() => {});
    return answer;
  }

  /** TPM reset: what is not persistent is gone; the next command finds the TPM started up anew. */
  async reset(): Promise<void> {
    if (this.#child === null || this.#socket === null) return;
    // In good order: a TPM that loses power under keys that count failures takes it for an attack.
    await this.transmit(SHUTDOWN_CLEAR);
    const ended = once(this.#child, 'exit');
    this.#socket.destroy();
    await ended;
    this.#child = null;
    this.#socket = null;
  }

  async #exchange(command: Uint8Array): Promise<Buffer> {
    const socket = (this.#socket ??= await this.#start());
    socket.write(command);
    let answer = Buffer.alloc(0);
    while (answer.length < HEADER_BYTES || answer.length < answer.readUInt32BE(2)) {
      const [chunk] = (await once(socket, 'data')) as [Buffer];
      answer = Buffer.concat([answer, chunk]);
    }
    return answer;
  }

  async #start(): Promise<Socket> {
    const path = join(this.#folder, 'socket');
    const state = ['--tpm2', '--tpmstate', `dir=${this.#folder}`, '--flags', 'not-need-init,startup-clear', '--terminate'];
    const sockets = ['--server', `type=unixio,path=${path}`, '--ctrl', `type=unixio,path=${join(this.#folder, 'control')}`];
    const child = spawn('swtpm', ['socket', ...state, ...sockets, '--log', 'level=0'], { stdio: ['ignore', 'ignore', 'ignore'] });
    this.#child = child;
    const failed = once(child, 'exit').then(() => {
      throw new Error('swtpm ended');
    });
    failed.catch(() => {});
    for (;;) {
      const connected = await Promise.race([connect(path), failed]);
      if (connected !== null) return connected;
      await delay(5);
    }
  }
}

async function connect(path: string): Promise<Socket | null> {
  const socket = createConnection(path);
  try {
    await once(socket, 'connect');
    return socket;
  } catch {
    return null;
  }
}
