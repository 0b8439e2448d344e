// Listens on vsock (the tests preload what plays it) and serves every connection as the letter says that it sends first; or connects.
// Told by messages what to do besides; forked by vsock-child.ts.
//   vsock-child.mjs <JSON of a VsockListenRequest>
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { loadNative } from '../../dist/src/native/loader.js';
import { connectVsock, listenOnVsock } from '../../dist/src/native/vsock.js';

const native = loadNative();
const held = [];
const connected = [];

function hashed(socket) {
  const hash = createHash('sha256');
  socket.on('data', (chunk) => hash.update(chunk)).on('end', () => socket.end(hash.digest('hex'))).resume();
}

const SERVE = {
  // Everything back, the end too.
  e: (socket) => socket.pipe(socket),
  // The digest of everything, once it has ended.
  h: hashed,
  // Nothing is read until told to; then as above.
  w: (socket) => held.push(() => hashed(socket)),
  // As many MiB as the next byte says, and the end; whatever comes meanwhile is not looked at.
  s: (socket) => socket.once('data', (count) => socket.end(Buffer.alloc(count[0] << 20, 0x5a))),
  // Who is on the other end.
  p: (socket, peer) => socket.end(`${peer.cid}:${peer.port}`),
  // Destroyed with the next byte.
  d: (socket) => socket.once('data', () => socket.destroy()),
  // Nothing is read, much is written, and what becomes of that is told.
  b: (socket) => {
    socket.on('error', (error) => process.send({ event: error.code })).on('close', () => process.send({ event: 'close' }));
    socket.write(Buffer.alloc(8 << 20));
    connected.push(socket);
  },
  // What becomes of it is told, and a byte written once it has ended.
  k: (socket) => {
    socket.on('end', () => {
      process.send({ event: 'end' });
      const write = () => socket.destroyed || (socket.write('x'), setImmediate(write));
      write();
    });
    socket.on('error', (error) => process.send({ event: error.code })).on('close', () => process.send({ event: 'close' })).resume();
  },
};

const server = listenOnVsock(native, JSON.parse(process.argv[2]), (socket, peer) => {
  socket.on('error', () => {}).resume();
  socket.once('data', (first) => {
    socket.pause();
    if (first.length > 1) socket.unshift(first.subarray(1));
    SERVE[String.fromCharCode(first[0])](socket, peer);
    if (!'wb'.includes(String.fromCharCode(first[0]))) socket.resume();
  });
});
process.send({ cid: server.cid, port: server.port });

const COMMANDS = {
  close: () => server.close().then(() => ({ closed: true })),
  release: () => held.splice(0).forEach((release) => release()),
  descriptors: () => ({ descriptors: readdirSync('/proc/self/fd').length }),
  leave: () => process.disconnect(),
  destroy: () => connected.splice(0).forEach((socket) => socket.destroy()),
  // Sends and leaves: the process ends as soon as Node has nothing left to do.
  push: async ({ request, text }) => {
    await server.close();
    const socket = await connectVsock(native, request);
    socket.end(text).destroySoon();
    process.disconnect();
  },
  // Connects and gets everything back that it sends.
  connect: async ({ request, text, abort }) => {
    const controller = new AbortController();
    const pending = connectVsock(native, request, controller.signal);
    if (abort) controller.abort(new Error('enough'));
    const socket = await pending;
    let answer = '';
    socket.setEncoding('latin1').on('data', (chunk) => (answer += chunk));
    socket.end(text);
    await new Promise((resolve) => socket.once('close', resolve));
    return { answer };
  },
};

process.on('message', async ({ command, ...rest }) => {
  const answer = await Promise.resolve(COMMANDS[command](rest)).catch((error) => ({ failure: { code: error.code, message: error.message } }));
  if (process.connected) process.send({ command, ...answer });
});
