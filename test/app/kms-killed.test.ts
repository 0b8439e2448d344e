import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createKmsApp } from '../../src/app/kms.js';
import { parseKmsConfig } from '../../src/config/kms-config.js';
import { clock, createWorkspace, NOW } from './support/development-kms.js';
import { portOf } from './support/recorded-kms.js';
import { TlsClient } from './support/tls-client.js';

const CHILD = fileURLToPath(new URL('support/bootstrap-and-die.mjs', import.meta.url));
const KEY_FILES = ['root-ca.key', 'root-k256.key', 'rpc.key', 'tmp-ca.key'];
const ALL_FILES = [...KEY_FILES, 'bootstrap-info.json', 'root-ca.crt', 'rpc-domain', 'rpc.crt', 'tmp-ca.crt'].sort();
const AT_A_TIME = 3;

const { core } = createWorkspace();

function configFor(directory: string): Record<string, unknown> {
  return { rpc: { address: '127.0.0.1', port: 0 }, core: { ...core, cert_dir: directory, auth_api: { type: 'dev' } } };
}

/** Bootstraps a KMS process that dies at step `dieAt`. Returns how far it got. */
async function bootstrapAndDie(directory: string, dieAt: number): Promise<'killed' | 'answered'> {
  const child = spawn(process.execPath, [CHILD, JSON.stringify(configFor(directory)), String(NOW), String(dieAt)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const line = await Promise.race([once(createInterface(child.stdout), 'line').then(([text]) => String(text)), exited.then(() => null)]);
  if (line === null) throw new Error('the KMS ended before it served');
  const answered = await fetch(`http://127.0.0.1:${line}/prpc/Onboard.Bootstrap?json`, { method: 'POST', body: '{"domain":"localhost"}' }).then(
    async (answer) => (await answer.json()) as unknown,
    () => null,
  );
  if (answered !== null) child.kill('SIGKILL');
  const [, signal] = (await exited) as [number | null, string | null];
  expect(signal).toBe('SIGKILL');
  return answered === null ? 'killed' : 'answered';
}

/** Every file that could hold a secret, wherever an interrupted write left it. */
function keyFilesUnder(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.key'))
    .map((name) => join(directory, name));
}

/** The next start on the directory: what it found, and whether it ends up a working KMS. */
async function restart(directory: string): Promise<'empty' | 'complete'> {
  const app = createKmsApp(parseKmsConfig(configFor(directory), 'test configuration'), { clock });
  await app.start();
  const found = app.life === 'serving' ? 'complete' : 'empty';
  if (found === 'empty') {
    const origin = `http://127.0.0.1:${portOf(app)}`;
    expect((await fetch(`${origin}/prpc/Onboard.Bootstrap?json`, { method: 'POST', body: '{"domain":"localhost"}' })).status).toBe(200);
    expect((await fetch(`${origin}/finish`)).status).toBe(200);
    while (app.life === 'onboarding') await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const client = new TlsClient(portOf(app));
  expect((await client.call('GetMeta')).json()['bootstrap_info']).toMatchObject({ publicKey: expect.stringMatching(/^0[23][0-9a-f]{64}$/) });
  client.close();
  await app.stop(500);
  expect(readdirSync(directory).sort()).toEqual(ALL_FILES);
  return found;
}

describe('a KMS killed by SIGKILL during Bootstrap', () => {
  it('is afterwards un-bootstrapped and bootstraps cleanly, or complete', { timeout: 300_000 }, async () => {
    const outcomes = { empty: 0, complete: 0 };
    let next = 0;
    let finished = false;
    const worker = async (): Promise<void> => {
      while (!finished) {
        const directory = mkdtempSync(join(tmpdir(), 'killed-'));
        const reached = await bootstrapAndDie(directory, next++);
        if (reached === 'answered') finished = true;
        for (const file of keyFilesUnder(directory)) expect(statSync(file).mode & 0o777).toBe(0o600);
        const found = await restart(directory);
        if (reached === 'killed') outcomes[found]++;
        else expect(found).toBe('complete');
        rmSync(directory, { recursive: true });
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, worker));
    expect(outcomes.empty + outcomes.complete).toBeGreaterThanOrEqual(50);
    expect(outcomes.empty).toBeGreaterThan(0);
    expect(outcomes.complete).toBeGreaterThan(0);
  });
});
