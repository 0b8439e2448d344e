// `npm run bench`: the guest agent and the KMS beside a bare node:http server in one run.
// Figures are this machine's; only ratios within a run mean something elsewhere.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bringUp, type RunningSystem } from '../src/app/dev/bring-up.js';
import { freePort } from '../src/app/dev/free-port.js';
import { createWorkspace, type Workspace } from '../src/app/dev/workspace.js';
import { agentTargets, bareTarget, kmsTargets } from './targets.js';
import { type Figure, measure, type Target } from './measure.js';
import { serverPid } from './server-pid.js';
import { table } from './table.js';

const { values } = parseArgs({
  options: {
    peer: { type: 'string', description: 'socket of another guest agent to put under the same load' },
    seconds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
    'quote-storm': { type: 'boolean', default: false, description: 'instead: 24 callers before a device of a second a quote' },
    verify: { type: 'boolean', default: false, description: 'instead: verification of recorded evidence beside another verifier' },
    'verify-storm': { type: 'boolean', default: false, description: 'instead: cold evidence all at once, and the health of the process' },
  } as const,
});
const seconds = Number(values.seconds);
const directory = mkdtempSync(join(tmpdir(), 'dstack-bench-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
// Ends by way of 'exit', where everything that was started is stopped.
for (const [signal, number] of [['SIGINT', 2], ['SIGTERM', 15], ['SIGHUP', 1]] as const) process.once(signal, () => process.exit(128 + number));

async function startBare(): Promise<{ readonly socket: string; readonly pid: number; readonly stop: () => void }> {
  const socket = join(directory, 'bare.sock');
  const child = spawn(process.execPath, [new URL('bare-server.js', import.meta.url).pathname, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return { socket, pid: child.pid ?? -1, stop: () => child.kill() };
}

async function targets(running: RunningSystem, bare: { readonly socket: string; readonly pid: number }): Promise<readonly Target[]> {
  const [kms, agent] = running.processes;
  if (kms === undefined || agent === undefined) throw new Error('the development system is not running');
  const { system } = running;
  const pair = { cert: readFileSync(system.clients.app.cert, 'utf8'), key: readFileSync(system.clients.app.key, 'utf8') };
  const peers = values.peer === undefined ? [] : agentTargets('peer', values.peer, await serverPid(values.peer));
  return [
    bareTarget(bare.socket, bare.pid),
    ...agentTargets('agent', system.agentSocket, agent.pid),
    ...peers,
    ...kmsTargets(system.kmsUrl, readFileSync(system.kmsCa, 'utf8'), pair, kms.pid),
  ];
}

async function newWorkspace(): Promise<Workspace> {
  return createWorkspace(join(directory, 'system'), { kms: await freePort(0), agent: await freePort(0) }, Date.now() / 1000);
}

async function main(): Promise<void> {
  const workspace = await newWorkspace();
  const running = await bringUp(workspace, () => undefined);
  const bare = await startBare();
  try {
    const figures: Figure[] = [];
    for (const target of await targets(running, bare)) {
      const figure = await measure(target, seconds);
      if (figure.failures > 0) throw new Error(`${figure.name}: ${figure.failures} requests failed`);
      figures.push(figure);
    }
    process.stdout.write(values.json ? `${JSON.stringify(figures, null, 2)}\n` : table(figures));
  } finally {
    bare.stop();
    await running.stop();
  }
}

if (values.verify) (await import('./verify.js')).benchVerification();
else if (values['quote-storm']) await (await import('./quote-storm.js')).quoteStorm(await newWorkspace());
else if (values['verify-storm']) {
  await (await import('./verify-storm.js')).benchVerificationStorm();
  await (await import('./kms-storm.js')).benchKmsStorm(await newWorkspace());
} else await main();
