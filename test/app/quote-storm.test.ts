import { setTimeout as delay } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import type { Attestation } from '../../src/attestation/evidence/attestation.js';
import { createGuestAgentApp, type GuestAgentApp } from '../../src/app/guest-agent.js';
import { createDevelopmentTdx } from '../../src/simulator/tdx-platform.js';
import { bytes } from '../guest-agent/fixture.js';
import { type AgentDirectory, createAgentDirectory, SEED } from './agent-directory.js';

const DEVICE_MS = 60;

interface Running {
  readonly files: AgentDirectory;
  readonly app: GuestAgentApp;
  readonly client: Agent;
  /** Report data in the order the device was asked for them, hex. */
  readonly asked: string[];
}

let running: Running | null = null;
afterEach(async () => {
  await running?.client.close();
  await running?.app.stop(1000);
  running?.files.remove();
  running = null;
});

/** A real agent before a machine that makes one quote at a time, and fails two at once. */
async function start(deviceMs: () => number = () => DEVICE_MS, core: Record<string, unknown> = {}): Promise<Running> {
  const files = createAgentDirectory();
  const asked: string[] = [];
  const clock = (): number => Date.now() / 1000;
  const app = { appId: new Uint8Array(20), composeHash: new Uint8Array(32), instanceId: new Uint8Array(20), keyProvider: null, storageFs: '' };
  const machine = createDevelopmentTdx({ seed: bytes(SEED), clock, app, imageHash: new Uint8Array(32), vmConfig: null });
  let busy = false;
  const attest = async (reportData: Uint8Array): Promise<Attestation> => {
    if (busy) throw new Error('two at once');
    busy = true;
    asked.push(Buffer.from(reportData).toString('hex'));
    await delay(deviceMs());
    busy = false;
    return machine.attest(reportData);
  };
  const platform = { evidence: { ...machine, attest }, simulatorForm: false, measuresProvisioning: false, root: machine.root, banner: [], collateral: machine.collateral };
  const agent = createGuestAgentApp(files.config({ default: { core } }), { platform });
  await agent.start();
  asked.length = 0;
  running = { files, app: agent, client: new Agent({ connect: { socketPath: files.dstackSock }, connections: 64 }), asked };
  return running;
}

async function call({ client }: Running, path: string, body: unknown, headers: Record<string, string> = {}): Promise<{ status: number; json: Record<string, unknown> }> {
  const answer = await request(`http://localhost${path}`, { dispatcher: client, method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } });
  return { status: answer.statusCode, json: (await answer.body.json()) as Record<string, unknown> };
}

const quote = (agent: Running, at: number): Promise<{ status: number; json: Record<string, unknown> }> =>
  call(agent, '/GetQuote', { report_data: at.toString(16).padStart(2, '0') });

describe('a storm of GetQuote', () => {
  it('is answered whole, one quote at a time', async () => {
    const agent = await start();
    const answers = await Promise.all(Array.from({ length: 24 }, (_, at) => quote(agent, at)));
    expect(answers.map(({ status }) => status)).toEqual(Array<number>(24).fill(200));
    expect(new Set(agent.asked).size).toBe(24);
  });

  it('above what there is room for, is refused as RESOURCE_EXHAUSTED and shown in the metrics', async () => {
    let holdsUp = false;
    const agent = await start(() => {
      if (!holdsUp) return DEVICE_MS;
      holdsUp = false;
      return 2_000;
    });
    // The first quote lasts until all have come, however slow the machine is.
    holdsUp = true;
    const answers = await Promise.all(Array.from({ length: 40 }, (_, at) => quote(agent, at)));
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused.length).toBe(8);
    expect(refused.every(({ json }) => json['code'] === 'RESOURCE_EXHAUSTED')).toBe(true);
    const metrics = await request('http://localhost/metrics', { dispatcher: agent.client });
    expect(await metrics.body.text()).toContain('dstack_quote_refused_total{reason="peer"} 8\n');
  });

  it('is let in as far as core.evidence_queue allows', async () => {
    const agent = await start(undefined, { evidence_queue: { max_callers: 6, max_callers_per_peer: 5 } });
    const answers = await Promise.all(Array.from({ length: 12 }, (_, at) => quote(agent, at)));
    expect(answers.filter(({ status }) => status === 200).length).toBe(5);
    expect(answers.filter(({ json }) => json['code'] === 'RESOURCE_EXHAUSTED').length).toBe(7);
  });

  it('whose callers cannot wait long enough, is told so by the deadline they gave', async () => {
    const agent = await start();
    await quote(agent, 0);
    const impatient = Array.from({ length: 12 }, (_, at) =>
      call(agent, '/dstack.guestagent.v1.GuestAgent/GetQuote', { reportData: Buffer.from([at]).toString('base64') }, { 'connect-timeout-ms': String(DEVICE_MS * 6), 'connect-protocol-version': '1' }),
    );
    const answers = await Promise.all(impatient);
    expect(answers.some(({ status }) => status === 200)).toBe(true);
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused.length).toBeGreaterThan(0);
    expect(new Set(refused.map(({ json }) => json['code']))).toEqual(new Set(['resource_exhausted']));
  });

  it('tells a caller whose quote the device did not finish from one that never had its turn', async () => {
    let deviceMs = DEVICE_MS;
    const agent = await start(() => deviceMs);
    deviceMs = 2_000;
    const patience = { 'connect-timeout-ms': '500', 'connect-protocol-version': '1' };
    const ask = (at: number): Promise<{ status: number; json: Record<string, unknown> }> =>
      call(agent, '/dstack.guestagent.v1.GuestAgent/GetQuote', { reportData: Buffer.from([at]).toString('base64') }, patience);
    const begun = ask(1);
    await delay(50);
    const behind = ask(2);
    expect((await begun).json['code']).toBe('deadline_exceeded');
    expect((await behind).json['code']).toBe('resource_exhausted');
  });

  it('of identical requests takes the device one quote', async () => {
    const agent = await start();
    const answers = await Promise.all(Array.from({ length: 10 }, () => quote(agent, 7)));
    expect(new Set(answers.map(({ json }) => json['quote'])).size).toBe(1);
    expect(agent.asked.length).toBe(1);
  });
});

describe('Info', () => {
  it('takes the device one quote at most, however often it is asked', async () => {
    const agent = await start();
    const first = await Promise.all(Array.from({ length: 50 }, () => call(agent, '/Info', {})));
    for (let at = 0; at < 50; at++) first.push(await call(agent, '/Info', {}));
    expect(first.map(({ status }) => status)).toEqual(Array<number>(100).fill(200));
    expect(agent.asked.length).toBeLessThanOrEqual(1);
  });
});
