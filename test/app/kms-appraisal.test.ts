import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createKmsApp, type KmsApp } from '../../src/app/kms.js';
import { collateralJson } from '../../src/attestation/dcap/collateral-json.js';
import type { EvidenceSource } from '../../src/attestation/evidence/evidence-source.js';
import { createDevelopmentCollateral } from '../../src/simulator/tdx-collateral.js';
import { createDevelopmentTdxPki } from '../../src/simulator/tdx-pki.js';
import { attestedClient, clock, configOf, createWorkspace, enclaveOf, IMAGE, machineOf, NOW, SEED, testApp } from './support/development-kms.js';
import { portOf } from './support/recorded-kms.js';

const listed = testApp('listed');
let app: KmsApp | null = null;

afterEach(async () => {
  await app?.stop(500);
  app = null;
});

/** A KMS whose release policy allows everything genuine, so that nothing but `core.appraisal` can refuse. */
async function startWith(appraisal: object, collateral: string | null = null): Promise<number> {
  const workspace = createWorkspace();
  if (collateral !== null) writeFileSync(join(workspace.directory, 'collateral.json'), collateral);
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

  it('another status has its grace period, and its advisories are listed or refused', async () => {
    const collateral = createDevelopmentCollateral(createDevelopmentTdxPki(SEED), { now: NOW }, { status: 'OutOfDate', advisoryIds: ['INTEL-SA-00615'], revoked: null });
    const listing = { accepted_advisory_ids: ['INTEL-SA-00615'] };
    // The level is dated a day back, to the full hour.
    for (const [appraisal, expected] of [
      [{ tcb_grace_period: 2 * 86_400, ...listing }, { key: expect.any(String) }],
      [{ tcb_grace_period: 86_400 - 3_600, ...listing }, { code: 'UNAUTHORIZED' }],
      [{ tcb_grace_period: 2 * 86_400 }, { code: 'UNAUTHORIZED' }],
      [{ accepted_tcb_statuses: ['UpToDate', 'OutOfDate'], ...listing }, { key: expect.any(String) }],
      [{ accepted_tcb_statuses: ['UpToDate', 'OutOfDate'] }, { code: 'UNAUTHORIZED' }],
    ] as const) {
      expect(await getKey(await startWith(appraisal, collateralJson(collateral)), machineOf(listed))).toMatchObject(expected);
      await app?.stop(500);
    }
  });

  it('a status that is not accepted is UNAUTHORIZED', async () => {
    const port = await startWith({ accepted_tcb_statuses: [] });
    expect(await getKey(port, machineOf(listed))).toMatchObject({ code: 'UNAUTHORIZED' });
  });
});
