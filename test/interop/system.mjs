import { spawn } from 'node:child_process';
import { createECDH, hkdfSync } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const START_MS = 60_000;
const STOP_MS = 10_000;
const KEY_NAME = 'my-api-key';

/**
 * The keys every client must get, made here from the root key by the documented derivation and by nothing of the
 * system under test: HKDF-SHA256 with salt RATLS, root to application ("app-key") to name.
 */
function expectations({ kmsKeys, appId }) {
  const root = readFileSync(join(kmsKeys, 'root-k256.key'));
  const derive = (secret, info) => Buffer.from(hkdfSync('sha256', secret, 'RATLS', info, 32));
  const applicationKey = derive(root, Buffer.concat([Buffer.from(appId, 'hex'), Buffer.from('app-key')]));
  const curve = createECDH('secp256k1');
  curve.setPrivateKey(root);
  return {
    keyName: KEY_NAME,
    expectedKey: derive(applicationKey, Buffer.from(KEY_NAME)).toString('hex'),
    kmsRootPublicKey: curve.getPublicKey('hex', 'compressed'),
  };
}

async function ready(child) {
  const timer = setTimeout(() => child.kill('SIGTERM'), START_MS);
  try {
    for await (const line of createInterface({ input: child.stdout })) if (line === 'ready') return;
  } finally {
    clearTimeout(timer);
  }
  throw new Error(`the system did not get ready within ${START_MS} ms`);
}

/**
 * Starts a KMS and a guest agent on the development platform, and describes them in a file for the clients.
 * @returns `file`, its path; `log()`, what the system said last; `stop()`
 */
export async function startSystem(root) {
  // Not under the repository: a path to a unix socket has 107 bytes at most.
  const directory = mkdtempSync(join(tmpdir(), 'dstack-interop-'));
  const logFile = join(directory, 'system.log');
  const log = openSync(logFile, 'w', 0o600);
  const args = [join(root, 'dist/src/bin/dev.js'), '--dir', join(directory, 'system'), '--kms-port', '0', '--agent-port', '0'];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', log] });
  closeSync(log);
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await exited;
      clearTimeout(timer);
    }
    rmSync(directory, { recursive: true, force: true });
  };
  const lastLines = () => readFileSync(logFile, 'utf8').split('\n').slice(-40).join('\n');
  try {
    await ready(child);
    child.stdout.resume();
    const system = JSON.parse(readFileSync(join(directory, 'system', 'system.json'), 'utf8'));
    const file = join(directory, 'interop.json');
    writeFileSync(file, JSON.stringify({ ...system, ...expectations(system), protoDir: join(root, 'proto') }), { mode: 0o600 });
    return { file, log: lastLines, stop };
  } catch (error) {
    process.stderr.write(`${lastLines()}\n`);
    await stop();
    throw error;
  }
}
