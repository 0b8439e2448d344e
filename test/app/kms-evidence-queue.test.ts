import { rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createKmsApp, type KmsApp } from '../../src/app/kms.js';
import { clock, configOf, createWorkspace, machineOf, testApp, type Workspace } from './support/development-kms.js';
import { portOf } from './support/recorded-kms.js';
import { TlsClient } from './support/tls-client.js';

const machine = machineOf(testApp('kms'));
let workspace: Workspace;
let kms: KmsApp;
let device: Promise<void> = Promise.resolve();

beforeAll(async () => {
  workspace = createWorkspace();
  const onboard = { address: '127.0.0.1', port: 0, auto_bootstrap_domain: 'localhost' };
  const config = configOf(workspace, { enforce_self_authorization: false, onboard, evidence_queue: { max_callers: 3 } });
  const evidence = {
    attest: async (reportData: Uint8Array) => {
      await device;
      return machine.attest(reportData);
    },
    vmConfig: async () => '',
  };
  kms = createKmsApp(config, { clock, evidence });
  await kms.start();
});

afterAll(async () => {
  await kms.stop(500);
  rmSync(workspace.directory, { recursive: true });
});

it('lets strangers into the queue before the evidence of the KMS as far as core.evidence_queue allows', async () => {
  let release = (): void => undefined;
  device = new Promise((resolve) => {
    release = resolve;
  });
  const clients = Array.from({ length: 8 }, () => new TlsClient(portOf(kms)));
  const calls = clients.map((client, at) => client.call('GetSessionEvidence', { nonce: at.toString(16).padStart(2, '0').repeat(16) }));
  let refused = 0;
  // The device works only once everybody else has been told.
  for (const call of calls) void call.then(({ status }) => (status === 400 && ++refused === 5 ? release() : undefined));
  const answers = await Promise.all(calls);
  for (const client of clients) client.close();
  expect(answers.filter(({ status }) => status === 200).length).toBe(3);
  const codes = answers.filter(({ status }) => status !== 200).map((answer) => answer.json()['code']);
  expect(codes).toEqual(Array<string>(5).fill('RESOURCE_EXHAUSTED'));
});
