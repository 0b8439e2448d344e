import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createKmsApp, type KmsApp } from '../../src/app/kms.js';
import { type Log, SILENT } from '../../src/app/log.js';
import { createMachine, type MachineName } from '../../src/simulator/machines.js';
import type { EvidenceSource } from '../../src/attestation/evidence/evidence-source.js';
import { developmentGcpPcr0 } from '../../src/simulator/gcp-firmware.js';
import { developmentGcpImage } from '../../src/simulator/gcp-image.js';
import { createDevelopmentGcpTdx } from '../../src/simulator/gcp-tdx-platform.js';
import { snpLaunchDigest } from '../../src/simulator/snp-machine.js';
import { createDevelopmentSnp } from '../../src/simulator/snp-platform.js';
import { attestedClient, clock, configOf, createWorkspace, IMAGE, launchMeasurements, SEED, testApp } from './support/development-kms.js';
import { portOf } from './support/recorded-kms.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const app = testApp('on any platform');
const image = developmentGcpImage(IMAGE);
const started: KmsApp[] = [];
/** Audit records of calls that succeeded. */
const audited: Record<string, unknown>[] = [];
const log: Log = { ...SILENT, info: (fields) => void audited.push(fields as Record<string, unknown>) };
afterAll(async () => void (await Promise.all(started.map((kms) => kms.stop(500)))));

/** A KMS whose policy admits everybody, so that only what it verifies itself can refuse. */
async function startKms(core: Record<string, unknown> = {}): Promise<number> {
  const workspace = createWorkspace();
  const known = join(workspace.directory, 'images.json');
  writeFileSync(known, JSON.stringify({ [hex(IMAGE)]: [launchMeasurements(IMAGE), { measurement: hex(snpLaunchDigest(IMAGE)) }] }));
  const kms = createKmsApp(
    configOf(workspace, {
      auth_api: { type: 'dev' },
      enforce_self_authorization: false,
      onboard: { address: '127.0.0.1', port: 0, auto_bootstrap_domain: 'localhost' },
      sev_snp_key_release: true,
      image: { known_measurements: known, gcp_pcr0: [hex(developmentGcpPcr0())] },
      ...core,
    }),
    { clock, log },
  );
  started.push(kms);
  await kms.start();
  return portOf(kms);
}

const GCP_CONFIG = { os_image_hash: hex(image.osImageHash), gcp_measurement: image.document };

function machine(name: MachineName, vmConfig: Readonly<Record<string, unknown>> = name === 'gcp-tdx' ? GCP_CONFIG : { os_image_hash: hex(IMAGE) }): EvidenceSource {
  return createMachine(name, {
    ...app,
    seed: SEED,
    clock,
    imageHash: Buffer.from(String(vmConfig['os_image_hash']), 'hex'),
    vmConfig: JSON.stringify(vmConfig),
    instanceId: Buffer.alloc(20, 7),
    keyProvider: { name: 'kms', id: '' },
    eventVersion: 2,
  }).evidence;
}

async function getKey(port: number, evidence: EvidenceSource): Promise<Record<string, unknown>> {
  const client = await attestedClient(port, evidence);
  const answer = (await client.call('GetKey', { name: 'n' })).json();
  client.close();
  return answer;
}

describe('a KMS with the answers of every vendor', () => {
  it('gives an application the same key on every platform', async () => {
    const port = await startKms();
    const keys = [];
    for (const name of ['tdx', 'gcp-tdx', 'nitro-enclave', 'sev-snp'] as const) keys.push((await getKey(port, machine(name)))['key']);
    expect(keys[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set(keys).size).toBe(1);
    const callers = audited.filter(({ procedure }) => procedure === 'dstack.kms.v1.KMS/GetKey').map(({ appId }) => appId);
    expect(callers).toEqual(Array(4).fill(hex(app.appId)));
  });

  it('gives none to a machine that booted another image than it names', async () => {
    const port = await startKms();
    const launched = { ...app, instanceId: Buffer.alloc(20, 7), keyProvider: null, storageFs: '' };
    const other = new Uint8Array(32).fill(0x22);
    const gcp = createDevelopmentGcpTdx({ seed: SEED, clock, app: launched, imageHash: image.osImageHash, vmConfig: JSON.stringify(GCP_CONFIG), ukiDigest: other });
    const snp = createDevelopmentSnp({ seed: SEED, app: launched, imageHash: other, vmConfig: JSON.stringify({ os_image_hash: hex(IMAGE) }) });
    for (const evidence of [gcp, snp]) expect(await getKey(port, evidence)).toMatchObject({ code: 'UNAUTHORIZED' });
  });

  it('gives none to a machine whose image nothing is known of', async () => {
    const port = await startKms();
    expect(await getKey(port, machine('gcp-tdx', { os_image_hash: hex(IMAGE) }))).toMatchObject({ code: 'UNAUTHORIZED' });
    expect(await getKey(port, machine('sev-snp', { os_image_hash: '22'.repeat(32) }))).toMatchObject({ code: 'UNAUTHORIZED' });
  });

  it('gives none to a GCP machine with firmware that is not known', async () => {
    const port = await startKms({ image: { gcp_pcr0: ['00'.repeat(32)] } });
    expect(await getKey(port, machine('gcp-tdx'))).toMatchObject({ code: 'UNAUTHORIZED' });
  });

  it('gives none to SEV-SNP guests unless told to', async () => {
    const port = await startKms({ sev_snp_key_release: false });
    expect(await getKey(port, machine('sev-snp'))).toMatchObject({ code: 'UNAUTHORIZED' });
    expect(await getKey(port, machine('tdx'))).toHaveProperty('key');
  });
});
