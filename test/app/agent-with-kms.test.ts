import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGuestAgentApp, type GuestAgentApp } from '../../src/app/guest-agent.js';
import { createKmsApp, type KmsApp } from '../../src/app/kms.js';
import { parseKmsConfig } from '../../src/config/kms-config.js';
import { developmentRootFiles, developmentRoots } from '../../src/simulator/roots.js';
import { createDevelopmentCollateral } from '../../src/simulator/tdx-collateral.js';
import { createDevelopmentTdxPki } from '../../src/simulator/tdx-pki.js';
import { bytes } from '../guest-agent/fixture.js';
import { type AgentDirectory, createAgentDirectory, SEED } from './agent-directory.js';
import { portOf } from './support/recorded-kms.js';

interface Instance {
  readonly files: AgentDirectory;
  readonly app: GuestAgentApp;
}

const directory = mkdtempSync(join(tmpdir(), 'kms-'));
const collateral = createDevelopmentCollateral(createDevelopmentTdxPki(bytes(SEED)), { now: Math.floor(Date.now() / 1000) });
let kms: KmsApp;
const instances: Instance[] = [];

/** The KMS process with keys of its own, on a development machine of the same vendor; its policy admits everybody. */
async function startKms(): Promise<KmsApp> {
  writeFileSync(join(directory, 'seed'), SEED);
  const listen = { address: '127.0.0.1', port: 0 };
  const config = parseKmsConfig(
    {
      rpc: listen,
      core: {
        cert_dir: join(directory, 'keys'),
        onboard: { ...listen, auto_bootstrap_domain: 'localhost' },
        enforce_self_authorization: false,
        image: { verify: false },
        auth_api: { type: 'dev' },
        evidence: { source: 'development', seed_file: join(directory, 'seed') },
      },
    },
    'test',
  );
  const app = createKmsApp(config, { roots: developmentRoots(bytes(SEED)), collateral: { getCollateral: async () => collateral } });
  await app.start();
  return app;
}

/** An agent that is configured as an operator would: roots from files, keys from the KMS. */
async function startInstance(name: string, machine: 'tdx' | 'nitro-enclave' = 'tdx', provisioning: Record<string, unknown> = {}): Promise<Instance> {
  const files = createAgentDirectory({ kmsUrls: [`https://localhost:${portOf(kms)}`], withKeys: false, compose: { name } });
  const roots = developmentRootFiles(bytes(SEED));
  for (const [file, pem] of Object.entries(roots)) writeFileSync(join(files.path, file), pem);
  const core = {
    simulator: { machine },
    provisioning,
    insecure_allow_external_trust_anchors: true,
    root_ca: { tdx: join(files.path, 'tdx-root.pem'), aws_nitro_enclave: join(files.path, 'nitro-enclave-root.pem') },
  };
  const app = createGuestAgentApp(files.config({ default: { core } }));
  await app.start();
  const instance = { files, app };
  instances.push(instance);
  return instance;
}

async function call({ files }: Instance, method: string, body: unknown): Promise<Record<string, unknown>> {
  const dispatcher = new Agent({ connect: { socketPath: files.dstackSock } });
  const answer = await request(`http://localhost/${method}?json`, { dispatcher, method: 'POST', body: JSON.stringify(body) });
  const json = (await answer.body.json()) as Record<string, unknown>;
  await dispatcher.close();
  return json;
}

beforeAll(async () => {
  kms = await startKms();
});

afterAll(async () => {
  for (const { app, files } of instances) {
    await app.stop(1000);
    files.remove();
  }
  await kms.stop(1000);
  rmSync(directory, { recursive: true });
});

describe('agents and their KMS, both attested', () => {
  it('give the same key to two instances of one application, another to another application', async () => {
    const [one, two, other] = [await startInstance('app'), await startInstance('app'), await startInstance('other')];
    const key = async (instance: Instance): Promise<unknown> => (await call(instance, 'GetKey', { path: 'wallet' }))['key'];
    const first = await key(one);
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(await key(two)).toBe(first);
    expect(await key(other)).not.toBe(first);
  });

  it('make certificates that chain from the application to the KMS root', async () => {
    const instance = await startInstance('tls');
    const { certificate_chain: chain } = await call(instance, 'GetTlsKey', { subject: 'a.example', alt_names: ['a.example'], usage_ra_tls: true, usage_server_auth: true });
    const [leaf, appCa, root] = (chain as string[]).map((pem) => new X509Certificate(pem));
    if (leaf === undefined || appCa === undefined || root === undefined) throw new Error('three certificates expected');
    expect([leaf.verify(appCa.publicKey), appCa.verify(root.publicKey), root.verify(root.publicKey)]).toEqual([true, true, true]);
    expect(leaf.subject).toBe('CN=a.example');
  });

  it('bind their sessions where configured, on each platform', async () => {
    const key = async (which: Instance): Promise<unknown> => (await call(which, 'GetKey', { path: 'wallet' }))['key'];
    const plain = await key(await startInstance('app'));
    for (const machine of ['tdx', 'nitro-enclave'] as const) {
      const bound = await startInstance('app', machine, { bind_session: true });
      expect(await key(bound), machine).toBe(plain);
      expect((await call(bound, 'GetTlsKey', { subject: 'a.example', usage_ra_tls: true, usage_server_auth: true }))['certificate_chain']).toHaveLength(3);
    }
  });

  it('gives an enclave the keys of its application too', async () => {
    const enclave = await startInstance('app', 'nitro-enclave');
    const instance = await startInstance('app');
    const key = async (which: Instance): Promise<unknown> => (await call(which, 'GetKey', { path: 'wallet' }))['key'];
    expect(await key(enclave)).toBe(await key(instance));
  });
});
