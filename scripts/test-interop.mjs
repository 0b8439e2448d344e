// `npm run test:interop`: real clients in several languages against a running KMS and guest agent (test/interop/README.md).
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { clients } from '../test/interop/clients.mjs';
import { collect, toolchain } from '../test/interop/process.mjs';
import { startSystem } from '../test/interop/system.mjs';
import { build, installPackages, root } from './setup.mjs';

const CLIENT_MS = 180_000;

/** All at once: most of the time goes into compiling the one in Rust. Rejects with every toolchain that is missing, or every failure. */
async function prepareAll() {
  const work = join(root, 'build', 'interop');
  mkdirSync(work, { recursive: true });
  const all = clients(root, work);
  await every(all.map(({ needs }) => toolchain(needs)));
  return every(
    all.map(async ({ name, prepare }) => {
      const started = performance.now();
      const command = await prepare();
      console.error(`prepared ${name} in ${seconds(started)}`);
      return { name, command };
    }),
  );
}

async function every(promises) {
  const settled = await Promise.allSettled(promises);
  const failed = settled.filter(({ status }) => status === 'rejected').map(({ reason }) => reason.message);
  if (failed.length > 0) throw new Error(failed.join('\n'));
  return settled.map(({ value }) => value);
}

const seconds = (started) => `${((performance.now() - started) / 1000).toFixed(1)} s`;

/** Runs one client. Returns how many checks held; throws unless all did, and at least one. */
async function runClient({ name, command }, system) {
  const started = performance.now();
  const { ended, output } = await collect(command, { env: { INTEROP_SYSTEM: system.file }, timeout: CLIENT_MS });
  const passed = output.match(/^ok - /gm)?.length ?? 0;
  if (ended !== 0 || passed === 0 || /^not ok - /m.test(output)) {
    console.log(`FAILED  ${name}\n${output}\nwhat the system said last:\n${system.log()}`);
    throw new Error(`${name} ended with ${ended} after ${passed} checks`);
  }
  console.log(`ok  ${name}: ${passed} checks in ${seconds(started)}`);
  return passed;
}

async function main() {
  installPackages();
  build();
  const prepared = await prepareAll();
  const system = await startSystem(root);
  const interrupted = () => system.stop().finally(() => process.exit(130));
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, interrupted);
  let passed = 0;
  try {
    for (const client of prepared) passed += await runClient(client, system);
  } catch (error) {
    console.log(`${passed} passed before it, 1 failed: ${error.message}`);
    process.exitCode = 1;
    return;
  } finally {
    await system.stop();
  }
  console.log(`${passed} passed, 0 failed`);
}

await main().catch((error) => {
  console.error(`test:interop: ${error.message}`);
  process.exitCode = 1;
});
