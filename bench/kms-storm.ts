// Part of `npm run bench -- --verify-storm`: a fleet nobody has heard of asks a KMS process for its keys, and that process's health meanwhile.
import { execFile } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { bringUp, type RunningSystem } from '../src/app/dev/bring-up.js';
import { tlsClient } from '../src/app/dev/http.js';
import type { Workspace } from '../src/app/dev/workspace.js';
import { fleet, type Pair, strangers } from './fleet.js';
import { type Probed, probed, spread } from './probed.js';
import type { Orders, Outcome } from './storm-client.js';

const MACHINES = 400;
/** More than the KMS ever has to itself, few enough for a client on the same cores to keep the time limits of its handshakes. */
const AT_ONCE = 32;
/** TLS costs the client more than the KMS. */
const CLIENT_NICE = 5;

interface Storm {
  readonly outcomes: readonly Outcome[];
  /** Milliseconds of CPU of the KMS meanwhile: its main thread, and all its others. */
  readonly mainMs: number;
  readonly otherMs: number;
}

/** Prints health and GetMeta with nothing to do, during a storm of calls with nothing to verify, and during one of GetAppKey. @throws Error when a call ended without an answer */
export async function benchKmsStorm(workspace: Workspace): Promise<void> {
  const log = openSync(join(workspace.directory, 'log'), 'w');
  const running = await bringUp(workspace, () => undefined, log);
  try {
    const { kmsUrl, kmsCa } = running.system;
    const kms = running.processes[0]?.pid ?? -1;
    const targets = [`GET ${kmsUrl}/health`, `POST ${kmsUrl}/prpc/GetMeta?json`];
    const tempCa = await temporaryCa(running);
    const of = (identities: readonly Pair[], path: string, body: string) => (): Promise<Storm> =>
      measured(kms, () => storm(workspace, { url: kmsUrl, ca: readFileSync(kmsCa, 'utf8'), path, body, identities, atOnce: AT_ONCE, nice: CLIENT_NICE }));
    const [unattested, attested] = [of(strangers(MACHINES, tempCa), '/prpc/GetMeta?json', '{}'), of(fleet(workspace, MACHINES, tempCa), '/prpc/GetAppKey?json', '{"api_version":1,"vm_config":""}')];
    process.stdout.write(`KMS storm: ${MACHINES} machines unknown so far, a new RA-TLS connection each, ${AT_ONCE} at once, from a process of nice ${CLIENT_NICE} on the same ${availableParallelism()} cores\n`);
    const idle = await probed(targets, () => measured(kms, async () => delay(2_000, [])));
    const probeMs = idle.result.mainMs / idle.answers.flat().length;
    process.stdout.write(`  nothing to do, to compare${report(idle, probeMs)}`);
    process.stdout.write(`  GetMeta each, certificates without evidence: handshakes alone${report(await probed(targets, unattested), probeMs)}`);
    process.stdout.write(`  GetAppKey each, other evidence in each certificate${report(await probed(targets, attested), probeMs)}`);
  } finally {
    await running.stop();
    closeSync(log);
  }
}

async function temporaryCa({ system }: RunningSystem): Promise<Pair> {
  const client = tlsClient(system.kmsUrl, system.kmsCa, null);
  const answer = (await client.post('/prpc/GetTempCaCert?json', {})).json();
  await client.close();
  return { cert: String(answer['temp_ca_cert']), key: String(answer['temp_ca_key']) };
}

/** @throws Error when a call ended without an answer */
async function storm({ directory }: Workspace, orders: Orders): Promise<readonly Outcome[]> {
  const file = join(directory, 'orders.json');
  writeFileSync(file, JSON.stringify(orders), { mode: 0o600 });
  const { stdout } = await promisify(execFile)(process.execPath, [new URL('storm-client.js', import.meta.url).pathname, file]);
  const outcomes = JSON.parse(stdout) as Outcome[];
  const lost = outcomes.filter((code) => code.startsWith('lost'));
  if (lost.length > 0) throw new Error(`${lost.length} of ${outcomes.length} calls ended without an answer (${[...new Set(lost)].join(', ')})`);
  return outcomes;
}

async function measured(kms: number, work: () => Promise<readonly Outcome[]>): Promise<Storm> {
  const [main, all] = [cpuMs(kms, kms), cpuMs(kms, null)];
  const outcomes = await work();
  const mainMs = cpuMs(kms, kms) - main;
  return { outcomes, mainMs, otherMs: cpuMs(kms, null) - all - mainMs };
}

/** CPU milliseconds a thread has used so far, or all of its process: utime and stime of proc(5), 100 ticks a second. */
function cpuMs(pid: number, thread: number | null): number {
  const path = thread === null ? `/proc/${pid}/stat` : `/proc/${pid}/task/${thread}/stat`;
  const fields = readFileSync(path, 'utf8').replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** @param probeMs CPU milliseconds an answer to the probe costs the main thread; they are no part of a call's */
function report({ result: { outcomes, mainMs, otherMs }, tookMs, answers }: Probed<Storm>, probeMs: number): string {
  const [health = [], meta = []] = answers;
  const lines = [`: ${tookMs.toFixed(0)} ms, main thread of the KMS busy ${((100 * mainMs) / tookMs).toFixed(0)} %`, `    /health ${spread(health)}`, `    GetMeta ${spread(meta)}`];
  if (outcomes.length > 0) {
    const answered = outcomes.filter((code) => code === '').length;
    const codes = [...new Set(outcomes)].filter((code) => code !== '');
    const each = (ms: number): string => (ms / outcomes.length).toFixed(1);
    lines.push(`    answered ${answered}, refused ${outcomes.length - answered}${codes.length === 0 ? '' : ` (${codes.join(', ')})`}, lost 0`);
    lines.push(`    CPU a call: main thread ${each(mainMs - probeMs * answers.flat().length)} ms, other threads ${each(otherMs)} ms`);
  }
  return `${lines.join('\n')}\n`;
}
