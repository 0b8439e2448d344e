import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { type AgentDirectory, createAgentDirectory } from '../app/agent-directory.js';
import { scratch } from './addon.js';
import { buildShim } from './with-shim.js';

// The agent's own process, configured to listen on vsock; the library that plays vsock is all that is not production.

const shim = buildShim();
const ANY_CID = 0xffff_ffff;

interface RunningAgent {
  readonly process: ChildProcess;
  readonly directory: AgentDirectory;
  /** What it has logged. */
  readonly log: () => string;
  /** The unix socket in place of a vsock port. */
  socket(port: number): string;
}

async function spawnAgent(change: Record<string, unknown>): Promise<RunningAgent> {
  const folder = await scratch();
  const directory = createAgentDirectory();
  onTestFinished(() => directory.remove());
  const dstack = fileURLToPath(new URL('../../dist/src/bin/dstack.js', import.meta.url));
  const env = { ...process.env, SHIM_LISTEN: folder, LD_PRELOAD: shim() };
  const child = spawn(process.execPath, [dstack, 'agent', '--config', directory.configFile(change)], { env, stdio: ['ignore', 'inherit', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  return { process: child, directory, log: () => log, socket: (port) => join(folder, `${ANY_CID}:${port}`) };
}

async function startAgent(change: Record<string, unknown>): Promise<RunningAgent> {
  const agent = await spawnAgent(change);
  await expect.poll(agent.log, { timeout: 15_000 }).toContain('"serving"');
  return agent;
}

async function ask(socketPath: string, path: string, body: unknown = null): Promise<{ readonly status: number; readonly text: string }> {
  const dispatcher = new Agent({ connect: { socketPath } });
  onTestFinished(() => dispatcher.destroy());
  const asked = body === null ? {} : { method: 'POST' as const, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const answer = await request(`http://localhost${path}`, { dispatcher, ...asked });
  return { status: answer.statusCode, text: await answer.body.text() };
}

async function askHttp2(path: string, target: string): Promise<{ readonly status: unknown; readonly text: string }> {
  const session = connectHttp2('http://localhost', { createConnection: () => connect(path) });
  onTestFinished(() => session.destroy());
  const stream = session.request({ ':method': 'POST', ':path': target, 'content-type': 'application/json' });
  stream.end('{}');
  const [headers] = (await once(stream, 'response')) as [Readonly<Record<string, unknown>>];
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += String(chunk);
  return { status: headers[':status'], text };
}

test('the public listener answers HTTP/1.1 and HTTP/2 over vsock, and knows the other machine', async () => {
  const agent = await startAgent({ external: { address: 'vsock:0xffffffff', port: 8090 } });
  const path = agent.socket(8090);
  const first = await ask(path, '/prpc/Version');
  expect(first.status).toBe(200);
  const second = await askHttp2(path, '/dstack.guestagent.v1.Worker/Version');
  expect(second.status).toBe(200);
  expect(JSON.parse(second.text)).toEqual(JSON.parse(first.text));
  expect(agent.log()).toContain('vsock:3:5000');
  expect(agent.log()).toContain('vsock:3:5001');
});

test('the application listener works over vsock, and lets calls in flight finish when the agent is told to stop', async () => {
  const agent = await startAgent({ internal: { address: 'vsock:0xffffffff', port: 8000 }, default: { core: { simulator: { quote_delay_ms: 1500 } } } });
  const path = agent.socket(8000);
  const key = await ask(path, '/GetKey', { path: 'mine' });
  expect(JSON.parse(key.text)).toMatchObject({ key: expect.stringMatching(/^[0-9a-f]{64}$/) });
  const quotes = ['01', '02'].map((data) => ask(path, '/GetQuote', { report_data: data }));
  await expect.poll(async () => (await ask(path, '/metrics')).text).toContain('dstack_quote_queue_depth 1\n');
  const exited = once(agent.process, 'exit');
  agent.process.kill('SIGTERM');
  for (const quote of await Promise.all(quotes)) expect(JSON.parse(quote.text)).toMatchObject({ quote: expect.stringMatching(/^04000200/) });
  expect(await exited).toEqual([0, null]);
});

test('an address in use ends the agent with the reason, and leaves nothing open', async () => {
  const twice = { address: 'vsock:1', port: 9000 };
  const agent = await spawnAgent({ internal: twice, external: twice });
  expect((await once(agent.process, 'close'))[0]).toBe(1);
  expect(agent.log()).toContain('listen on vsock 1:9000: Address already in use');
  expect(existsSync(agent.directory.tappdSock)).toBe(false);
});
