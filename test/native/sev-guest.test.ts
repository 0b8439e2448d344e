import { describe, expect, test } from 'vitest';
import { bootInfo } from '../../src/attestation/evidence/boot-info.js';
import type { EvidenceSource } from '../../src/attestation/evidence/evidence-source.js';
import { parseSnpReport } from '../../src/attestation/sev-snp/report.js';
import type { SnpExtendedReport } from '../../src/native/binding.js';
import { loadNative } from '../../src/native/loader.js';
import { snpCertificateChain } from '../../src/simulator/snp-certificates.js';
import { createDevelopmentSnpPki } from '../../src/simulator/snp-pki.js';
import { expectFailure } from './addon.js';
import { app, seed } from './fuse/machine.js';
import { mountDevices } from './fuse/mounted.js';
import { ERRNO } from './fuse/nodes.js';
import { partsOf, snpSource, verify } from './snp-source.js';

// SNP_GET_EXT_REPORT of Linux include/uapi/linux/sev-guest.h, from the addon through the kernel (spec/attestation.md section 1.9).

const { EBUSY, EIO, ENOSPC, ENOTTY } = ERRNO;
const devices = mountDevices('SNP_GET_EXT_REPORT at /dev/sev-guest: reports and certificates, verified');
const native = loadNative();
const reportData = Uint8Array.from({ length: 64 }, (_, i) => i + 50);
const [table = new Uint8Array()] = snpCertificateChain(createDevelopmentSnpPki(seed), 'table');
const ask = (device = 'sev-guest'): Promise<SnpExtendedReport> => native.snpExtendedReport({ devicePath: devices.path('dev', device), reportData, deadlineMs: 5000 });

describe('an extended report', () => {
  test('is about the 64 bytes, and brings the certificates of the host', async () => {
    const { report, certificates } = await ask();
    expect(Buffer.from(parseSnpReport(report).reportData)).toEqual(Buffer.from(reportData));
    expect(certificates).toHaveLength(0x4000);
    expect(Buffer.from(certificates.subarray(0, table.length))).toEqual(Buffer.from(table));
  });

  test('of a host without certificates brings none', async () => {
    await devices.misbehave({ snp: { certificates: false } });
    expect((await ask()).certificates.every((byte) => byte === 0)).toBe(true);
  });

  test.each([
    ['a status of the firmware', { status: 22 }],
    ['another size of report', { reportBytes: 1183 }],
  ])('with %s is none', async (_, snp) => {
    await devices.misbehave({ snp });
    await expectFailure(ask(), 'DEVICE_FAILED', null);
  });

  test('is asked for again while busy; other errors are final and tell what the firmware said', async () => {
    await devices.misbehave({ snp: { errnos: [EBUSY, EBUSY] } });
    await expect(ask()).resolves.toMatchObject({ report: expect.any(Uint8Array) as Uint8Array });
    await devices.misbehave({ snp: { errnos: [EIO], firmwareError: 22 } });
    await expectFailure(ask(), 'DEVICE_FAILED', EIO);
    await devices.misbehave({ snp: { errnos: [EIO], firmwareError: 22 } });
    await expect(ask()).rejects.toThrow('22');
  });

  test('with more certificates than the driver takes is none, and tells what the hypervisor said', async () => {
    await devices.misbehave({ snp: { tableBytes: 0x4000 } });
    await expect(ask()).resolves.toMatchObject({ report: expect.any(Uint8Array) as Uint8Array });
    await devices.misbehave({ snp: { tableBytes: 0x4001 } });
    await expectFailure(ask(), 'DEVICE_FAILED', ENOSPC);
    await expect(ask()).rejects.toThrow('hypervisor error 1');
  });

  test('is not to be had from a device of another kind', () => expectFailure(ask('nsm'), 'DEVICE_FAILED', ENOTTY));
});

describe('evidence', () => {
  const fromDevice = (): Promise<EvidenceSource> => snpSource({ sevGuest: devices.path('dev', 'sev-guest') });

  test('is genuine from the device alone, where there is no configfs-tsm', async () => {
    const attestation = await (await fromDevice()).attest(reportData);
    expect(partsOf(attestation).certChain).toEqual([table]);
    const verified = await verify(attestation);
    expect(Buffer.from(verified.reportData)).toEqual(Buffer.from(reportData));
    expect(bootInfo(verified, { view: 'runtime' })).toMatchObject({ appId: Buffer.from(app.appId).toString('hex') });
  });

  test('without certificates of the host is left to who verifies it', async () => {
    await devices.misbehave({ snp: { certificates: false } });
    expect(partsOf(await (await fromDevice()).attest(reportData)).certChain).toEqual([]);
  });

  test.each([
    ['a report about other data', { otherReportData: true }],
    ['more certificates than the driver takes', { tableBytes: 0x4001 }],
  ])('is none with %s', async (_, snp) => {
    await devices.misbehave({ snp });
    await expect((await fromDevice()).attest(reportData)).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
  });

  test('has the certificates of the device where configfs-tsm has none', async () => {
    await devices.misbehave({ tsm: { auxiliaryBytes: new Uint8Array() } });
    const source = await snpSource({ tsmBase: devices.path('snp'), sevGuest: devices.path('dev', 'sev-guest') });
    const attestation = await source.attest(reportData);
    expect(partsOf(attestation).certChain).toEqual([table]);
    await verify(attestation);
  });
});
