import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { createAttestationVerifier } from '../../src/attestation/evidence/attestation-verifier.js';
import { detectPlatform, PLATFORM_PATHS } from '../../src/attestation/issue/detect-platform.js';
import { decodeAttestation } from '../../src/attestation/wire/decode.js';
import { createGuestAgentApp } from '../../src/app/guest-agent.js';
import { developmentRoots } from '../../src/simulator/roots.js';
import { createDevelopmentCollateralGetter } from '../../src/simulator/tdx-collateral.js';
import { createDevelopmentTdxPki } from '../../src/simulator/tdx-pki.js';
import { createAgentDirectory } from '../app/agent-directory.js';
import { vector } from '../attestation/vectors.js';
import { scratch } from './addon.js';
import { seed } from './fuse/machine.js';
import { mountDevices } from './fuse/mounted.js';
import { ERRNO } from './fuse/nodes.js';

// A guest agent as production composes it. The variables that say where the devices are, which every installation has, are all that is changed.

const devices = mountDevices('a guest agent on TDX devices');
const clock = (): number => Date.now() / 1000;
const collateral = createDevelopmentCollateralGetter(createDevelopmentTdxPki(seed), clock);
const verifier = createAttestationVerifier({ roots: developmentRoots(seed), collateral, clock });

const tsmEntry = (): string => devices.path('tsm', 'com.intel.dcap');

// The one thing the variables do not say is whose machine it is.
beforeEach(async ({ skip }) => {
  if (!devices.mounted()) return;
  await mkdir(tsmEntry());
  const variant = await detectPlatform({ ...PLATFORM_PATHS, tsmOverride: tsmEntry() }, 'probe');
  if (variant !== 'dstack-tdx') skip(`this is a machine of another kind: ${variant}`);
});

interface Answer {
  readonly status: number;
  readonly json: Readonly<Record<string, unknown>>;
}

/** An agent on the mounted devices; calls it over its unix socket. */
async function agent(): Promise<(method: string, body: unknown) => Promise<Answer>> {
  const folder = await scratch();
  const entry = tsmEntry();
  await writeFile(join(folder, 'CCEL'), vector('eventlog/ccel.bin'));
  const environment = { DCAP_TDX_QUOTE_CONFIGFS_PATH: entry, DCAP_TDX_RTMR_SYSFS_PATH: devices.path('measurements'), DSTACK_CCEL_FILE: join(folder, 'CCEL') };
  const directory = createAgentDirectory();
  onTestFinished(() => directory.remove());
  const app = createGuestAgentApp(directory.config({ default: { core: { platform: 'tdx' } } }), { environment });
  onTestFinished(() => app.stop(1000));
  await app.start();
  const dispatcher = new Agent({ connect: { socketPath: directory.dstackSock } });
  onTestFinished(() => dispatcher.close());
  return async (method, body) => {
    const { statusCode, body: answer } = await request(`http://localhost/${method}`, { dispatcher, method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });
    return { status: statusCode, json: (await answer.json()) as Answer['json'] };
  };
}

test('its evidence is what the devices made, and genuine', async () => {
  const call = await agent();
  const reportData = 'c7'.repeat(64);
  const { status, json } = await call('Attest', { report_data: reportData });
  expect(status).toBe(200);
  const verified = await verifier.verify(decodeAttestation(Buffer.from(String(json['attestation']), 'hex')));
  expect(verified).toMatchObject({ variant: 'dstack-tdx', tcbStatus: 'UpToDate' });
  expect(Buffer.from(verified.reportData).toString('hex')).toBe(reportData);
  expect((await devices.seen()).inblobs).toContain(reportData);
});

test('a device that fails is an error of one call, one that is slow delays no other', async () => {
  const call = await agent();
  await devices.misbehave({ tsm: { readErrnos: [ERRNO.EIO] } });
  expect((await call('GetQuote', { report_data: 'ab' })).status).not.toBe(200);
  await devices.misbehave({ tsm: { readDelayMs: 1500 } });
  let quoted = false;
  const pending = call('GetQuote', { report_data: 'ab' }).finally(() => {
    quoted = true;
  });
  for (let i = 0; i < 10; i++) expect((await call('Version', {})).status).toBe(200);
  expect(quoted).toBe(false);
  expect((await pending).status).toBe(200);
});
