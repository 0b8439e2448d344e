import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Attestation } from '../../src/attestation/evidence/attestation.js';
import { bootInfo } from '../../src/attestation/evidence/boot-info.js';
import type { EvidenceSource } from '../../src/attestation/evidence/evidence-source.js';
import type { VerifiedAttestation } from '../../src/attestation/evidence/verified.js';
import { VerifierCache } from '../../src/attestation/evidence/verifier-cache.js';
import { verifyAttestation } from '../../src/attestation/evidence/verify.js';
import { detectPlatform, PLATFORM_PATHS } from '../../src/attestation/issue/detect-platform.js';
import { NSM_DEFAULTS, createNsmEvidenceSource } from '../../src/attestation/issue/nsm-device.js';
import { TDX_TIMES, createTdxEvidenceSource } from '../../src/attestation/issue/tdx-device.js';
import { decodeAttestation, encodeAttestation } from '../../src/attestation/wire/decode.js';
import { loadNative } from '../../src/native/loader.js';
import { bootEvents } from '../../src/simulator/boot-events.js';
import { developmentRoots } from '../../src/simulator/roots.js';
import { createDevelopmentCollateralGetter } from '../../src/simulator/tdx-collateral.js';
import { createDevelopmentTdxPki } from '../../src/simulator/tdx-pki.js';
import { vector } from '../attestation/vectors.js';
import { scratch } from './addon.js';
import { app, imageHash, seed } from './fuse/machine.js';
import { mountDevices } from './fuse/mounted.js';
import { ERRNO } from './fuse/nodes.js';

// Whole evidence sources, as a production process composes them, on devices behind the kernel; their evidence goes to the verifier as
// it goes to anybody's. Only the trust anchors are those of development.

const devices = mountDevices('evidence sources, verified');
const native = loadNative();
const reportData = Uint8Array.from({ length: 64 }, (_, i) => i ^ 0x5c);
const clock = (): number => Date.now() / 1000;

function verify(attestation: Attestation): Promise<VerifiedAttestation> {
  const collateral = createDevelopmentCollateralGetter(createDevelopmentTdxPki(seed), clock);
  const sent = decodeAttestation(encodeAttestation(attestation));
  return verifyAttestation(sent, { now: clock(), roots: developmentRoots(seed), collateral, cache: new VerifierCache() });
}

/** A TDX guest of dstack's own machines; logs are plain files, registers and quotes are the kernel's. */
async function tdxSource({ eventVersion = '1', sysfs = true } = {}): Promise<EvidenceSource> {
  const folder = await scratch();
  await writeFile(join(folder, 'version'), eventVersion);
  await writeFile(join(folder, 'CCEL'), vector('eventlog/ccel.bin'));
  return createTdxEvidenceSource({
    native,
    paths: {
      tsm: { base: devices.path('tsm'), entryName: 'com.intel.dcap', override: null },
      tdxGuest: devices.path('dev', 'tdx_guest'),
      qgsConfig: '/nowhere/tdx-attest.conf',
      rtmrSysfs: sysfs ? devices.path('measurements') : '/nowhere/measurements',
      rtmrSysfsOverride: null,
      ccel: join(folder, 'CCEL'),
      runtimeEvents: { log: join(folder, 'events'), version: join(folder, 'version'), lock: join(folder, 'lock') },
    },
    times: { ...TDX_TIMES, busyWaitMs: 5 },
    config: JSON.stringify({ os_image_hash: Buffer.from(imageHash).toString('hex') }),
    maxWaiting: 32,
  });
}

async function boot(source: EvidenceSource): Promise<void> {
  for (const { event, payload } of bootEvents(app, 1)) await source.emitEvent?.(event, payload);
}

function nsmSource(): EvidenceSource {
  return createNsmEvidenceSource({ ...NSM_DEFAULTS, native, devicePath: devices.path('dev', 'nsm'), appId: app.appId });
}

describe('a TDX guest', () => {
  test.each([
    ['sysfs', '1'],
    ['sysfs', '2'],
    ['ioctl', '1'],
  ])('that extends by %s and logs events of version %s is genuine and says who it is', async (way, eventVersion) => {
    const source = await tdxSource({ eventVersion, sysfs: way === 'sysfs' });
    await boot(source);
    const verified = await verify(await source.attest(reportData));
    expect(verified).toMatchObject({ variant: 'dstack-tdx', tcbStatus: 'UpToDate', advisoryIds: [] });
    expect(Buffer.from(verified.reportData)).toEqual(Buffer.from(reportData));
    const identity = { appId: 'a0'.repeat(20), composeHash: 'c0'.repeat(32), instanceId: '10'.repeat(20), osImageHash: '33'.repeat(32) };
    expect(bootInfo(verified, { view: 'runtime' })).toMatchObject(identity);
  });

  test('answers many at once, each about its own report data, while events are emitted', async () => {
    const source = await tdxSource();
    await boot(source);
    const asked = Array.from({ length: 8 }, (_, i) => new Uint8Array(64).fill(i));
    const [attestations] = await Promise.all([Promise.all(asked.map((data) => source.attest(data))), source.emitEvent?.('late', Uint8Array.of(1))]);
    for (const [i, attestation] of attestations.entries()) expect(Buffer.from((await verify(attestation)).reportData)).toEqual(Buffer.from(asked[i] ?? []));
  });

  test('gives no evidence when the register was extended behind the log’s back', async () => {
    const source = await tdxSource();
    await boot(source);
    await native.sysfsExtendRtmr({ directory: devices.path('measurements'), index: 3, digest: new Uint8Array(48), deadlineMs: 5000 });
    await expect(source.attest(reportData)).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
  });

  test.each([
    ['about other report data', { otherReportData: true }],
    ['cut short', { readGives: 2000 }],
    ['of another kind', { blobBytes: 5000 }],
  ])('gives no evidence when the quote is %s', async (_, tsm) => {
    const source = await tdxSource();
    await boot(source);
    await devices.misbehave({ tsm });
    await expect(source.attest(reportData)).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
    await devices.misbehave({});
    await expect(source.attest(reportData)).resolves.toMatchObject({ platform: { kind: 'tdx' } });
  });

  test('an event that could not be measured is not logged', async () => {
    const source = await tdxSource();
    await boot(source);
    await devices.misbehave({ rtmr: { extendErrnos: [ERRNO.EIO] } });
    await expect(source.emitEvent?.('lost', Uint8Array.of(1))).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
    const verified = await verify(await source.attest(reportData));
    expect(verified.attestation.stack.runtimeEvents.map(({ event }) => event)).not.toContain('lost');
  });
});

describe('a Nitro Enclave', () => {
  test('is genuine, names its image and its application', async () => {
    const attestation = await nsmSource().attest(reportData);
    const verified = await verify(attestation);
    expect(verified).toMatchObject({ variant: 'dstack-nitro-enclave' });
    expect(Buffer.from(verified.reportData)).toEqual(Buffer.from(reportData));
    const info = bootInfo(verified, { view: 'runtime' });
    expect(info.appId).toBe('a0'.repeat(20));
    expect(attestation.stack.config).toBe(`{"os_image_hash":"${info.mrAggregated}"}`);
  });

  test.each([
    ['signs other user data', { otherUserData: true }],
    ['refuses', { error: 'InternalError' }],
    ['answers with something else', { answer: Uint8Array.of(0xa0) }],
    ['answers with something that is not CBOR', { answer: Uint8Array.of(0xff) }],
    ['answers with less than it wrote', { length: 100n }],
  ])('gives no evidence when the module %s', async (_, nsm) => {
    await devices.misbehave({ nsm });
    await expect(nsmSource().attest(reportData)).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
    await devices.misbehave({});
    await expect(nsmSource().attest(reportData)).resolves.toMatchObject({ platform: { kind: 'nitro-enclave' } });
  });
});

describe('the platform', () => {
  const nowhere = { ...PLATFORM_PATHS, nsm: '/nowhere', productName: '/nowhere', sysVendor: '/nowhere', tdxGuest: '/nowhere', sevGuest: '/nowhere', tpms: [] };

  test('is told by the provider of the configfs-tsm entries', async () => {
    const paths = { ...nowhere, tsmBase: devices.path('tsm') };
    expect(await detectPlatform(paths, 'probe')).toBe(null);
    await mkdir(devices.path('tsm', 'of-somebody'));
    expect(await detectPlatform(paths, 'probe')).toBe('dstack-tdx');
    await devices.misbehave({ tsm: { provider: 'sev_guest' } });
    expect(await detectPlatform(paths, 'probe')).toBe('dstack-amd-sev-snp');
  });
});
