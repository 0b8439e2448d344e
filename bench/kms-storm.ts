// Part of `npm run bench -- --verify-storm`: a fleet nobody has heard of asks a KMS process for its keys, and that process's health meanwhile.
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { bringUp, type RunningSystem } from '../src/app/dev/bring-up.js';
import { tlsClient } from '../src/app/dev/http.js';
import type { Workspace } from '../src/app/dev/workspace.js';
import { fleet, type Pair } from './fleet.js';
import { type Probed, probed, spread } from './probed.js';
import type { Orders, Outcome } from './storm-client.js';

const MACHINES = 400;
/** The client has the same cores, and TLS costs it as much as the KMS. */
const CLIENT_NICE = 10;

interface Storm {
  readonly outcomes: readonly Outcome[];
  /** Milliseconds of CPU of the KMS: its main thread, and all its others. */
  readonly mainMs: number;
  readonly otherMs: number;
}

/** Prints health and GetMeta with nothing to do, while the fleet connects and asks for nothing, and while it asks for its keys. @throws Error when a call ended without an answer */
export async function benchKmsStorm(workspace: Workspace): Promise<void> {
  const running = await bringUp(workspace, () => undefined);
  try {
    const kms = running.processes[0]?.pid ?? -1;
    const identities = fleet(workspace, 2 * MACHINES, await temporaryCa(running));
    const targets = [`GET ${running.system.kmsUrl}/health`, `POST ${running.system.kmsUrl}/prpc/GetMeta?json`];
    const as = (from: number, call: Pick<Orders, 'method' | 'path' | 'body'>) => (): Promise<Storm> =>
      storm(kms, workspace, { ...call, url: running.system.kmsUrl, ca: readFileSync(running.system.kmsCa, 'utf8'), identities: identities.slice(from, from + MACHINES), nice: CLIENT_NICE });
    process.stdout.write(`KMS storm: ${MACHINES} machines unknown so far at once, a new RA-TLS connection each, from a process of nice ${CLIENT_NICE} on the same cores\n`);
    process.stdout.write(report('nothing to do, to compare', await probed(targets, () => delay(1_000, null))));
    process.stdout.write(report('/health each: handshakes, nothing verified', await probed(targets, as(0, { method: 'GET', path: '/health', body: '' }))));
    const attested = await probed(targets, as(MACHINES, { method: 'POST', path: '/prpc/GetAppKey?json', body: '{"api_version":1,"vm_config":""}' }));
    process.stdout.write(report('GetAppKey each', attested));
    if (attested.result.outcomes.includes('lost')) throw new Error('calls ended without an answer');
  } finally {
    await running.stop();
  }
}

async function temporaryCa({ system }: RunningSystem): Promise<Pair> {
  const client = tlsClient(system.kmsUrl, system.kmsCa, null);
  const answer = (await client.post('/prpc/GetTempCaCert?json', {})).json();
  await client.close();
  return { cert: String(answer['temp_ca_cert']), key: String(answer['temp_ca_key']) };
}

async function storm(kms: number, { directory }: Workspace, orders: Orders): Promise<Storm> {
  const file = join(directory, 'orders.json');
  writeFileSync(file, JSON.stringify(orders), { mode: 0o600 });
  const before = [cpuMs(kms, kms), cpuMs(kms, null)] as const;
  const { stdout } = await promisify(execFile)(process.execPath, [new URL('storm-client.js', import.meta.url).pathname, file]);
  const mainMs = cpuMs(kms, kms) - before[0];
  return { outcomes: JSON.parse(stdout) as Outcome[], mainMs, otherMs: cpuMs(kms, null) - before[1] - mainMs };
}

/** CPU milliseconds a thread has used so far, or all of its process: utime and stime of proc(5), 100 ticks a second. */
function cpuMs(pid: number, thread: number | null): number {
  const path = thread === null ? `/proc/${pid}/stat` : `/proc/${pid}/task/${thread}/stat`;
  const fields = readFileSync(path, 'utf8').replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function report(name: string, { result, tookMs, answers: [health = [], meta = []] }: Probed<Storm | null>): string {
  const lines = [`  ${name}: ${tookMs.toFixed(0)} ms`, `    /health ${spread(health)}`, `    GetMeta ${spread(meta)}`];
  if (result !== null) {
    const { outcomes, mainMs, otherMs } = result;
    const [answered, lost] = [outcomes.filter((code) => code === '').length, outcomes.filter((code) => code === 'lost').length];
    const codes = [...new Set(outcomes)].filter((code) => code !== '' && code !== 'lost');
    lines.push(`    answered ${answered}, refused ${outcomes.length - answered - lost}${codes.length === 0 ? '' : ` (${codes.join(', ')})`}, lost ${lost}`);
    const each = (ms: number): string => (ms / outcomes.length).toFixed(2);
    lines.push(`    CPU a call: main thread of the KMS ${each(mainMs)} ms (${((100 * mainMs) / tookMs).toFixed(0)} % of the time), its other threads ${each(otherMs)} ms`);
  }
  return `${lines.join('\n')}\n`;
}
