// Listeners and connections that nobody closes: what the collector leaves of them, and what a thread that ends. Prints it as JSON.
//   node --expose-gc vsock-teardown.mjs <addon> <folder that vsock addresses are in>
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { Worker } from 'node:worker_threads';

const [addonPath, folder] = process.argv.slice(2);
const addon = createRequire(import.meta.url)(addonPath);
const count = (what) => readdirSync(`/proc/self/${what}`).length;
const turn = () => new Promise((resolve) => setImmediate(resolve));
const request = (port) => ({ cid: 1, port, backlog: 5, maxConnections: 5 });

async function collect() {
  for (let i = 0; i < 5; i++) {
    await turn();
    globalThis.gc();
  }
}

// Starts the thread of this environment, which is no leak.
const first = addon.vsockListen(request(1));
first.close();
first.close();
const made = new first.constructor();
const byHand = { accepted: made.accept(), closed: made.close() ?? null, bell: bellOf(made), closedBell: typeof bellOf(first), bellAgain: bellOf(first) };

function bellOf(listener) {
  try {
    return listener.takeBell();
  } catch (error) {
    return error.name;
  }
}

await collect();
const before = count('fd');
const listeners = [];
for (let i = 0; i < 50; i++) listeners.push(new WeakRef(addon.vsockListen(request(100 + i))));
await collect();
const collected = listeners.filter((ref) => ref.deref() === undefined).length;
const afterCollection = count('fd');

// A thread that listens and has a connection in flight both ways when it is ended.
const script = `const { parentPort } = require('node:worker_threads');
  Promise.all([import('${new URL('../../dist/src/native/loader.js', import.meta.url)}'), import('${new URL('../../dist/src/native/vsock.js', import.meta.url)}')])
    .then(([{ loadNative }, { listenOnVsock }]) => {
      listenOnVsock(loadNative(), { cid: 1, port: 7, backlog: 5, maxConnections: 5 }, (socket) => socket.resume().write(Buffer.alloc(1 << 20)));
      parentPort.postMessage('listening');
    });`;

async function endThread() {
  const worker = new Worker(script, { eval: true });
  await once(worker, 'message');
  const socket = connect(`${folder}/1:7`);
  let failed = false;
  socket.on('error', () => (failed = true)).write(Buffer.alloc(1 << 20));
  await once(socket, 'data');
  await worker.terminate();
  if (!socket.closed) await new Promise((resolve) => socket.resume().once('close', resolve));
  return failed;
}

// Node keeps some descriptors and threads from the first of its workers.
await endThread();
const beforeThreads = { descriptors: count('fd'), threads: count('task') };
for (let i = 0; i < 10; i++) await endThread();
const afterThreads = { descriptors: count('fd'), threads: count('task') };
// Left open, to show that it keeps nobody waiting.
globalThis.open = addon.vsockListen(request(2));
process.stdout.write(JSON.stringify({ byHand, before, collected, afterCollection, beforeThreads, afterThreads }));
