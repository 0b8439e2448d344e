import type { Socket } from 'node:net';

/** What an HTTP/2 client with prior knowledge sends first (RFC 9113 section 3.4), 24 bytes. */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/**
 * Tells HTTP/1.1 from cleartext HTTP/2 by the first bytes, at most 24, and puts them back. The socket must be
 * paused; it is handed to `found` paused. Nothing happens if the client leaves first; a client that says
 * nothing for `timeoutMs` milliseconds is disconnected.
 */
export function detectProtocol(socket: Socket, timeoutMs: number, found: (protocol: 'h1' | 'h2') => void): void {
  let seen: Buffer = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), timeoutMs);
  const forget = (): void => {
    clearTimeout(timer);
    socket.off('data', look).off('end', giveUp).off('close', forget);
  };
  const giveUp = (): void => {
    forget();
    socket.destroy();
  };
  const look = (chunk: Buffer): void => {
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const length = Math.min(seen.length, PREFACE.length);
    const alike = seen.compare(PREFACE, 0, length, 0, length) === 0;
    if (alike && length < PREFACE.length) return;
    forget();
    socket.pause();
    socket.unshift(seen);
    found(alike ? 'h2' : 'h1');
  };
  socket.on('data', look).on('end', giveUp).on('close', forget);
  socket.resume();
}
