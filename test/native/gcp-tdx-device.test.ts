import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Attestation } from '../../src/attestation/evidence/attestation.js';
import type { EvidenceSource } from '../../src/attestation/evidence/evidence-source.js';
import type { VerifiedAttestation } from '../../src/attestation/evidence/verified.js';
import { VerifierCache } from '../../src/attestation/evidence/verifier-cache.js';
import { verifyAttestation } from '../../src/attestation/evidence/verify.js';
import { createGcpTdxEvidenceSource } from '../../src/attestation/issue/gcp-tdx-device.js';
import { TDX_TIMES } from '../../src/attestation/issue/tdx-device.js';
import { decodeAttestation, encodeAttestation } from '../../src/attestation/wire/decode.js';
import { loadNative } from '../../src/native/loader.js';
import { bootEvents } from '../../src/simulator/boot-events.js';
import { developmentRoots } from '../../src/simulator/roots.js';
import { createDevelopmentCollateralGetter } from '../../src/simulator/tdx-collateral.js';
import { createDevelopmentTdxPki } from '../../src/simulator/tdx-pki.js';
import { createDevelopmentTpmPki } from '../../src/simulator/tpm-pki.js';
import { vector } from '../attestation/vectors.js';
import { app } from '../simulator/development.js';
import { scratch } from './addon.js';
import { bootFirmware, provisionGcp, unprovisionGcp } from './fuse/gcp-tpm.js';
import { imageHash, seed } from './fuse/machine.js';
import { mountDevices } from './fuse/mounted.js';
import { ERRNO } from './fuse/nodes.js';
import { withTpm } from './fuse/tpm-client.js';

// Both proofs of a machine on Google's cloud: its trust domain played by FUSE, its vTPM by swtpm, verified as anybody's evidence.

const devices = mountDevices('GCP TDX with a vTPM, verified', { tpm: true });
const native = loadNative();
const reportData = Uint8Array.from({ length: 64 }, (_, i) => i ^ 0x33);
const clock = (): number => Date.now() / 1000;
const tpm = (): string => devices.path('dev', 'tpmrm0');
const PCR_EXTEND = 0x182;
const QUOTE = 0x158;

let source: EvidenceSource;
let eventLogFile = '';

function verify(attestation: Attestation): Promise<VerifiedAttestation> {
  const collateral = createDevelopmentCollateralGetter(createDevelopmentTdxPki(seed), clock);
  const { published } = createDevelopmentTpmPki(seed);
  const fetch = async (url: string): Promise<Uint8Array> => published.get(url) ?? Promise.reject(new Error(`nothing at ${url}`));
  const sent = decodeAttestation(encodeAttestation(attestation));
  return verifyAttestation(sent, { now: clock(), roots: developmentRoots(seed), collateral, certificates: { allows: () => true, fetch }, cache: new VerifierCache() });
}

beforeEach(async ({ task }) => {
  if (!devices.mounted() || task.mode === 'skip') return;
  await unprovisionGcp(tpm());
  await provisionGcp(tpm(), { ecc: true, rsa: false });
  const folder = await scratch();
  eventLogFile = join(folder, 'events');
  await writeFile(join(folder, 'firmware'), await bootFirmware(tpm()));
  await writeFile(join(folder, 'version'), '1');
  await writeFile(join(folder, 'CCEL'), vector('eventlog/ccel.bin'));
  source = createGcpTdxEvidenceSource({
    native,
    paths: {
      tsm: { base: devices.path('tsm'), entryName: 'com.intel.dcap', override: null },
      tdxGuest: devices.path('dev', 'tdx_guest'),
      qgsConfig: '/nowhere/tdx-attest.conf',
      rtmrSysfs: devices.path('measurements'),
      rtmrSysfsOverride: null,
      ccel: join(folder, 'CCEL'),
      runtimeEvents: { log: eventLogFile, version: join(folder, 'version'), lock: join(folder, 'lock') },
    },
    times: { ...TDX_TIMES, busyWaitMs: 5 },
    config: JSON.stringify({ os_image_hash: Buffer.from(imageHash).toString('hex') }),
    maxWaiting: 32,
    tpm: { devices: ['/nowhere/tpmrm0', tpm()], commandDeadlineMs: 10_000, retryWaitMs: 1 },
    firmwareLog: join(folder, 'firmware'),
  });
  for (const { event, payload } of bootEvents(app, 1)) await source.emitEvent?.(event, payload);
  await devices.misbehave({});
});

describe('a machine on Google’s cloud', () => {
  test('is genuine: both proofs, bound to each other, over the same events', async () => {
    const attestation = await source.attest(reportData);
    const verified = await verify(attestation);
    expect(verified).toMatchObject({ variant: 'dstack-gcp-tdx', platform: { kind: 'gcp-tdx' } });
    expect(Buffer.from(verified.reportData)).toEqual(Buffer.from(reportData));
    const { platform } = attestation;
    if (platform.kind !== 'gcp-tdx') throw new Error(platform.kind);
    expect(Buffer.from(platform.tpmQuote.message).includes(createHash('sha256').update(platform.quote).digest())).toBe(true);
    expect(platform.tpmQuote.eventLog.filter(({ pcrIndex }) => pcrIndex === 2)).toHaveLength(4);
    expect(await devices.seen()).toMatchObject({ tpmLeaked: 0 });
  });

  test('stays so while events are emitted', async () => {
    const [attestations] = await Promise.all([Promise.all([1, 2, 3].map(() => source.attest(reportData))), source.emitEvent?.('late', Uint8Array.of(1)), source.emitEvent?.('later', new Uint8Array())]);
    for (const attestation of attestations) await verify(attestation);
    const { stack } = (await verify(await source.attest(reportData))).attestation;
    expect(stack.runtimeEvents.slice(-2).map(({ event }) => event)).toEqual(['late', 'later']);
  });

  test('gives no evidence when PCR 14 was extended behind the log’s back', async () => {
    await withTpm(tpm(), (client) => client.extendPcr(14, new Uint8Array(32)));
    await expect(source.attest(reportData)).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
  });

  test('gives no evidence when the vTPM refuses, and none is left loaded', async () => {
    await devices.misbehave({ tpm: { refusals: [{ command: QUOTE, rc: 0x101 }] } });
    await expect(source.attest(reportData)).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
    expect(await devices.seen()).toMatchObject({ tpmLeaked: 0 });
    await verify(await source.attest(reportData));
  });

  test('an event RTMR3 does not take extends nothing and is not logged', async () => {
    await devices.misbehave({ rtmr: { extendErrnos: [ERRNO.EIO] } });
    await expect(source.emitEvent?.('lost', Uint8Array.of(1))).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
    expect((await devices.seen()).tpmCommands).not.toContain(PCR_EXTEND);
    expect((await verify(await source.attest(reportData))).attestation.stack.runtimeEvents.map(({ event }) => event)).not.toContain('lost');
  });

  test('an event PCR 14 does not take is not logged, and the machine gives no evidence of what it cannot tell', async () => {
    await devices.misbehave({ tpm: { refusals: [{ command: PCR_EXTEND, rc: 0x101 }] } });
    await expect(source.emitEvent?.('half', Uint8Array.of(1))).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
    await expect(source.attest(reportData)).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
  });
});
