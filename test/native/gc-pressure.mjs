// Runs operations with the collector forced between all steps; prints what was left behind, as JSON.
//   node --expose-gc gc-pressure.mjs <addon> <empty folder>
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [addonPath, folder] = process.argv.slice(2);
const addon = createRequire(import.meta.url)(addonPath);
const descriptors = () => readdirSync('/proc/self/fd').length;
const turn = () => new Promise((resolve) => setImmediate(resolve));
const argumentRefs = [];
const holderRefs = [];
let settled = 0;

/** Arguments are garbage the moment the call returns. */
function start(i) {
  const bytes = new Uint8Array(i % 2 ? 64 : 4096).fill(i);
  argumentRefs.push(new WeakRef(bytes));
  const pending = i % 2
    ? addon.tdxReport({ devicePath: '/dev/null', reportData: bytes, deadlineMs: 5000 })
    : addon.nsmRequest({ devicePath: '/dev/null', request: bytes, deadlineMs: 5000 });
  return pending.then(
    () => { throw new Error('an ioctl on /dev/null succeeded'); },
    (error) => {
      if (error.code !== 'DEVICE_FAILED' || error.errno !== 25) throw error;
      settled++;
    },
  );
}

async function round(i) {
  const pending = [start(i), start(i + 1), start(i + 2)];
  globalThis.gc();
  await Promise.all(pending);
  globalThis.gc();
}

/** Locks nobody releases: the collector has to. */
async function abandonLock(i) {
  holderRefs.push(new WeakRef(await addon.lockFile({ path: join(folder, `lock-${i}`), pollIntervalMs: 1, deadlineMs: 1000 })));
}

/** Devices nobody closes, each with a command in flight that nobody waits for. */
async function abandonTpm() {
  const device = await addon.openTpm({ devicePath: '/dev/null', deadlineMs: 1000 });
  holderRefs.push(new WeakRef(device));
  device.transceive({ command: new Uint8Array(10), deadlineMs: 1000 }).catch(() => {});
  globalThis.gc();
}

async function collect() {
  for (let i = 0; i < 5; i++) {
    await turn();
    globalThis.gc();
  }
}

await round(0);
settled = 0;
await collect();
const descriptorsBefore = descriptors();
const before = process.memoryUsage();
for (let i = 0; i < 200; i++) await round(i);
for (let i = 0; i < 50; i++) await abandonLock(i);
for (let i = 0; i < 50; i++) await abandonTpm();
await collect();
const after = process.memoryUsage();
// Fails when the first of the abandoned locks is still held.
(await addon.lockFile({ path: join(folder, 'lock-0'), pollIntervalMs: 1, deadlineMs: 1000 })).release();
const alive = (refs) => refs.filter((ref) => ref.deref() !== undefined).length;
const result = {
  settled,
  argumentsAlive: alive(argumentRefs),
  holdersAlive: alive(holderRefs),
  descriptorsBefore,
  descriptorsAfter: descriptors(),
  grownBytes: after.heapUsed + after.external - before.heapUsed - before.external,
};
// Asking for stdout opens a descriptor, so it comes last.
process.stdout.write(JSON.stringify(result));
