import { writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { createKmsApp, type KmsApp } from '../../src/app/kms.js';
import type { EvidenceSource } from '../../src/attestation/evidence/evidence-source.js';
import { attestedClient, clock, configOf, createWorkspace, enclaveOf, IMAGE, machineOf, testApp } from './support/development-kms.js';
import { portOf } from './support/recorded-kms.js';

const listed = testApp('listed');
let app: KmsApp | null = null;

afterEach(async () => {
  await app?.stop(500);
  app = null;
});

/** A KMS whose release policy allows everything genuine, so that nothing but `core.appraisal` can refuse. */
async function startWith(appraisal: object): Promise<number> {
  const workspace = createWorkspace();
  writeFileSync(workspace.policyFile, '{}');
  const core = { appraisal, auth_api: { type: 'dev' }, enforce_self_authorization: false, onboard: { address: '127.0.0.1', port: 0, auto_bootstrap_domain: 'localhost' } };
  app = createKmsApp(configOf(workspace, core), { clock });
  await app.start();
  return portOf(app);
}

async function getKey(port: number, machine: EvidenceSource): Promise<Record<string, unknown>> {
  const client = await attestedClient(port, machine);
  const answer = (await client.call('GetKey', { name: 'n' })).json();
  client.close();
  return answer;
}

describe('core.appraisal, before the release policy is asked', () => {
  it('measurement lists admit what is on them and refuse the rest with MEASUREMENT_NOT_FOUND', async () => {
    const port = await startWith({ measurements: { os_image_hash: [IMAGE.toString('hex')] } });
    expect(await getKey(port, machineOf(listed))).toHaveProperty('key');
    expect(await getKey(port, enclaveOf(listed))).toMatchObject({ code: 'MEASUREMENT_NOT_FOUND' });
  });

  it('collateral of an edition below the minimum is UNAUTHORIZED; an enclave has none to be below', async () => {
    const port = await startWith({ minimum_tcb_evaluation_number: 0xffff_ffff });
    expect(await getKey(port, machineOf(listed))).toMatchObject({ code: 'UNAUTHORIZED' });
    expect(await getKey(port, enclaveOf(listed))).toHaveProperty('key');
  });

  it('a status that is not accepted is UNAUTHORIZED', async () => {
    const port = await startWith({ accepted_tcb_statuses: [] });
    expect(await getKey(port, machineOf(listed))).toMatchObject({ code: 'UNAUTHORIZED' });
  });
});
