// `npm run bench -- --quote-storm`: a guest agent process before a device that takes a second a quote.
import { readFileSync, writeFileSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { parse, stringify, type TomlTable } from 'smol-toml';
import { bringUp } from '../src/app/dev/bring-up.js';
import type { Workspace } from '../src/app/dev/workspace.js';
import { percentile } from './median.js';

/** Callers at once; a second each is within the 30 s a call may take. */
const CALLERS = 24;
const DEVICE_MS = 1_000;
const PROBE_EVERY_MS = 10;

interface Outcome {
  readonly status: number;
  /** Code of a refusal, "" for an answer. */
  readonly code: string;
  /** Milliseconds since the storm began. */
  readonly at: number;
}

interface Door {
  readonly send: typeof httpRequest;
  readonly options: RequestOptions;
}

function ask({ send, options }: Door, method: string, path: string, body: string): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const sent = send({ ...options, method, path, headers: { 'content-type': 'application/json', 'content-length': body.length } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

/** Milliseconds of each call, one every `PROBE_EVERY_MS`, until told to stop. */
async function probe(door: Door, method: string, path: string, going: () => boolean): Promise<number[]> {
  const times: number[] = [];
  while (going()) {
    const from = performance.now();
    const { status } = await ask(door, method, path, method === 'POST' ? '{}' : '');
    if (status !== 200) throw new Error(`${path} answered ${status} during the storm`);
    times.push(performance.now() - from);
    await delay(PROBE_EVERY_MS);
  }
  return times;
}

/** Runs the storm, prints what came of it, and throws when a caller was left without an answer. */
export async function quoteStorm(workspace: Workspace): Promise<void> {
  slowDown(workspace);
  const running = await bringUp(workspace, () => undefined);
  const { socketPath, port } = { socketPath: workspace.paths.agentSocket, port: workspace.agentPort };
  const kept = { keepAlive: true, maxSockets: 1 };
  const [versionAgent, healthAgent] = [new HttpAgent(kept), new HttpsAgent({ ...kept, rejectUnauthorized: false })];
  try {
    const health: Door = { send: httpsRequest, options: { host: '127.0.0.1', port, agent: healthAgent } };
    await opened(health);
    let going = true;
    const probes = Promise.all([
      probe({ send: httpRequest, options: { socketPath, agent: versionAgent } }, 'POST', '/Version', () => going),
      probe(health, 'GET', '/health', () => going),
    ]);
    await delay(1_000);
    const outcomes = await storm({ send: httpRequest, options: { socketPath, agent: new HttpAgent() } });
    going = false;
    const [version, healthTimes] = await probes;
    process.stdout.write(report(outcomes, version, healthTimes));
    if (outcomes.includes(null)) throw new Error('callers were left without an answer');
  } finally {
    versionAgent.destroy();
    healthAgent.destroy();
    await running.stop();
  }
}

/** The external listener opens after the socket: its certificate takes a quote. */
async function opened(door: Door): Promise<void> {
  for (let at = 0; at < 200; at++) {
    const status = await ask(door, 'GET', '/health', '').then((answer) => answer.status, () => 0);
    if (status === 200) return;
    await delay(50);
  }
  throw new Error('the external listener did not open');
}

/** Gives the agent of the workspace a slow device. */
function slowDown({ paths }: Workspace): void {
  const config = parse(readFileSync(paths.agentConfig, 'utf8'));
  const core = (config['default'] as TomlTable)['core'] as TomlTable;
  (core['simulator'] as TomlTable)['quote_delay_ms'] = DEVICE_MS;
  writeFileSync(paths.agentConfig, stringify(config), { mode: 0o600 });
}

/** null for a call that ended without an answer. The calls are sent in their order, each on a connection of its own. */
function storm(door: Door): Promise<(Outcome | null)[]> {
  const from = performance.now();
  const calls = Array.from({ length: CALLERS }, async (_, at): Promise<Outcome | null> => {
    try {
      await delay(at * 2);
      const { status, text } = await ask(door, 'POST', '/GetQuote', JSON.stringify({ report_data: at.toString(16).padStart(4, '0') }));
      const code = status === 200 ? '' : String((JSON.parse(text) as Record<string, unknown>)['code']);
      return { status, code, at: performance.now() - from };
    } catch {
      return null;
    }
  });
  return Promise.all(calls);
}

function report(outcomes: readonly (Outcome | null)[], version: readonly number[], health: readonly number[]): string {
  const answered = outcomes.filter((outcome): outcome is Outcome => outcome?.status === 200);
  const refused = outcomes.filter((outcome) => outcome !== null && outcome.code === 'RESOURCE_EXHAUSTED');
  const lost = outcomes.filter((outcome) => outcome === null).length;
  const inOrder = answered.every((outcome, at) => at === 0 || outcome.at >= (answered[at - 1]?.at ?? 0));
  const ms = (times: readonly number[], of: number): string => percentile(times, of).toFixed(2);
  return [
    `quote storm: ${CALLERS} callers at once, a device of ${DEVICE_MS} ms a quote`,
    `  answered ${answered.length}, RESOURCE_EXHAUSTED ${refused.length}, other ${outcomes.length - answered.length - refused.length - lost}, lost ${lost}; in order: ${inOrder ? 'yes' : 'no'}`,
    `  last answer after ${Math.max(...answered.map(({ at }) => at)).toFixed(0)} ms`,
    `  Version over the same socket, ${version.length} calls: p50 ${ms(version, 50)} ms, p99 ${ms(version, 99)} ms`,
    `  /health, ${health.length} calls: p50 ${ms(health, 50)} ms, p99 ${ms(health, 99)} ms`,
    '',
  ].join('\n');
}
