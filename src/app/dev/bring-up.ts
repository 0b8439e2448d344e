import { createPublicKey, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type ClientPair, OTHER_APPS, writeClient } from './clients.js';
import { type DstackProcess, startDstack } from './child.js';
import { type Answer, httpClient, tlsClient, unixClient } from './http.js';
import { MACHINE_KINDS } from './platforms.js';
import type { Workspace } from './workspace.js';

/** A running KMS and guest agent, and what clients need to talk to them; written to `system.json` as it is. */
export interface System {
  readonly agentSocket: string;
  readonly tappdSocket: string;
  readonly agentUrl: string;
  readonly kmsUrl: string;
  /** PEM of the KMS root CA. */
  readonly kmsCa: string;
  /** PEM of the CA of the guest agent's external certificate. */
  readonly appId: string;
  readonly policyFile: string;
  readonly kmsKeys: string;
  readonly clients: Readonly<Record<'app' | keyof typeof OTHER_APPS, ClientPair>>;
}

export interface RunningSystem {
  readonly system: System;
  readonly processes: readonly DstackProcess[];
  stop(): Promise<void>;
}

/** Milliseconds a process may take to answer its first request. */
const START_MS = 20_000;
const STOP_MS = 5_000;

/**
 * Does what an operator does: start the KMS, register what it measures as, bootstrap, finish, register the application,
 * start the guest agent. `say` gets a line a step, `log` (a descriptor) what the processes write.
 */
export async function bringUp(workspace: Workspace, say: (line: string) => void, log: number | 'inherit' = 'inherit'): Promise<RunningSystem> {
  const processes: DstackProcess[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(processes.map((process) => process.stop(STOP_MS)));
  };
  try {
    writePolicy(workspace, null);
    const kms = startDstack('KMS', ['kms', '--config', workspace.paths.kmsConfig], log);
    processes.push(kms);
    await onboard(workspace, kms, say);
    const system = await describeSystem(workspace);
    const agent = startDstack('guest agent', ['agent', '--config', workspace.paths.agentConfig], log);
    processes.push(agent);
    await agentUp(workspace, agent);
    say(`guest agent provisioned from the KMS, serving ${workspace.paths.agentSocket}`);
    writeFileSync(workspace.paths.system, JSON.stringify(system, null, 2));
    return { system, processes, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function onboard(workspace: Workspace, kms: DstackProcess, say: (line: string) => void): Promise<void> {
  const origin = `http://127.0.0.1:${workspace.kmsPort}`;
  const client = httpClient(origin);
  await answered(kms, () => client.get('/health'));
  const info = ok(await client.post('/prpc/Onboard.GetAttestationInfo?json', {})).json();
  writePolicy(workspace, { mrAggregated: String(info['mr_aggregated']), osImageHash: String(info['os_image_hash']) });
  say(`KMS in onboard mode on ${origin}, measurement ${String(info['mr_aggregated'])}`);
  const made = ok(await client.post('/prpc/Onboard.Bootstrap?json', { domain: 'localhost' })).json();
  say(`bootstrapped, root public key ${String(made['publicKey'])}`);
  ok(await client.get('/finish'));
  await client.close();
  pinRoot(workspace, String(made['ca_pubkey']));
  const secure = tlsClient(`https://localhost:${workspace.kmsPort}`, join(workspace.paths.clients, 'kms-ca.pem'), null);
  await answered(kms, () => secure.get('/prpc/GetMeta'));
  await secure.close();
  say(`finished: RA-TLS on the same port, https://localhost:${workspace.kmsPort}`);
}

/** The CA file clients use is the one whose key the bootstrap answer named. */
function pinRoot(workspace: Workspace, caPublicKey: string): void {
  const pem = readFileSync(join(workspace.paths.keys, 'root-ca.crt'));
  const spki = createPublicKey(new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'pem' })).export({ type: 'spki', format: 'der' });
  if (spki.toString('hex') !== caPublicKey) throw new Error('the root certificate on disk does not hold the key of the bootstrap answer');
  writeFileSync(join(workspace.paths.clients, 'kms-ca.pem'), pem);
}

async function describeSystem(workspace: Workspace): Promise<System> {
  const { paths } = workspace;
  const kmsUrl = `https://localhost:${workspace.kmsPort}`;
  const kmsCa = join(paths.clients, 'kms-ca.pem');
  const kms = tlsClient(kmsUrl, kmsCa, null);
  const answer = ok(await kms.post('/prpc/GetTempCaCert?json', {})).json();
  await kms.close();
  const tempCa = { cert: String(answer['temp_ca_cert']), key: String(answer['temp_ca_key']) };
  return {
    agentSocket: paths.agentSocket,
    tappdSocket: paths.tappdSocket,
    agentUrl: `https://localhost:${workspace.agentPort}`,
    kmsUrl,
    kmsCa,
    appId: workspace.appId,
    policyFile: paths.policy,
    kmsKeys: paths.keys,
    clients: {
      app: await writeClient(workspace, 'app', workspace, tempCa),
      otherApp: await writeClient(workspace, 'other-app', OTHER_APPS.otherApp, tempCa),
      unlisted: await writeClient(workspace, 'unlisted', OTHER_APPS.unlisted, tempCa),
      declared: await writeClient(workspace, 'declared', OTHER_APPS.declared, tempCa),
    },
  };
}

async function agentUp(workspace: Workspace, agent: DstackProcess): Promise<void> {
  const client = unixClient(workspace.paths.agentSocket);
  await answered(agent, () => client.post('/Info', {}));
  await client.close();
}

/** What an operator registers: the KMS by what it measures as, the applications by id and compose hash. */
function writePolicy(workspace: Workspace, kms: { readonly mrAggregated: string; readonly osImageHash: string } | null): void {
  const { otherApp, declared } = OTHER_APPS;
  const image = MACHINE_KINDS[workspace.platform].image(workspace.image);
  const app = (composeHash: string): object => ({ composeHashes: [image.composeHash ?? composeHash], allowAnyDevice: true });
  const apps = {
    [workspace.appId]: app(workspace.composeHash),
    [otherApp.appId]: app(otherApp.composeHash),
    [declared.appId]: { ...app(declared.composeHash), declaredKeys: ['declared-key'] },
  };
  const registered = kms === null ? {} : { osImages: [...new Set([kms.osImageHash, image.osImageHash])], kms: { mrAggregated: [kms.mrAggregated], allowAnyDevice: true }, apps };
  writeFileSync(workspace.paths.policy, JSON.stringify(registered, null, 2));
}

/** Repeats a request until it is answered with success, the process ends, or the time is up. */
async function answered(process: DstackProcess, request: () => Promise<Answer>): Promise<void> {
  const deadline = performance.now() + START_MS;
  let last: unknown = 'no answer';
  while (performance.now() < deadline) {
    try {
      const answer = await Promise.race([request(), process.failed]);
      if (answer.status === 200) return;
      last = `status ${answer.status}: ${answer.text}`;
    } catch (error) {
      last = error;
    }
    await Promise.race([delay(50), process.failed]);
  }
  throw new Error(`${process.name} did not answer in ${START_MS} ms`, { cause: last });
}

function ok(answer: Answer): Answer {
  if (answer.status !== 200) throw new Error(`status ${answer.status}: ${answer.text}`);
  return answer;
}
