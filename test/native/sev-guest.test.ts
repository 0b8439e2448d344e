import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createSnpEvidenceSource, SNP_TIMES } from '../../src/attestation/issue/snp-device.js';
import { parseSnpReport } from '../../src/attestation/sev-snp/report.js';
import type { SnpExtendedReport } from '../../src/native/binding.js';
import { loadNative } from '../../src/native/loader.js';
import { mrConfigDocument } from '../../src/simulator/mr-config.js';
import { snpCertificateChain } from '../../src/simulator/snp-certificates.js';
import { createDevelopmentSnpPki } from '../../src/simulator/snp-pki.js';
import { expectFailure, scratch } from './addon.js';
import { app, seed } from './fuse/machine.js';
import { mountDevices } from './fuse/mounted.js';
import { ERRNO } from './fuse/nodes.js';

// SNP_GET_EXT_REPORT of Linux include/uapi/linux/sev-guest.h, from the addon through the kernel (spec/attestation.md section 1.9).

const { EBUSY, EIO, ENOTTY } = ERRNO;
const devices = mountDevices('/dev/sev-guest ioctl');
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

  test('is not to be had from a device of another kind', () => expectFailure(ask('nsm'), 'DEVICE_FAILED', ENOTTY));
});

test('the certificates configfs-tsm does not have come from the device', async () => {
  const folder = await scratch();
  await writeFile(join(folder, 'version'), '1');
  await devices.misbehave({ tsm: { auxiliaryBytes: new Uint8Array() } });
  const runtimeEvents = { log: join(folder, 'events'), version: join(folder, 'version'), lock: join(folder, 'lock') };
  const paths = { tsmBase: devices.path('snp'), sevGuest: devices.path('dev', 'sev-guest'), runtimeEvents };
  const source = createSnpEvidenceSource({ native, paths, times: SNP_TIMES, entryName: 'dstack-1', mrConfig: mrConfigDocument(app), config: '{}', maxWaiting: 8 });
  const { platform } = await source.attest(reportData);
  if (platform.kind !== 'sev-snp') throw new Error(platform.kind);
  expect(platform.certChain).toHaveLength(1);
  expect(Buffer.from(platform.certChain[0] ?? []).subarray(0, table.length)).toEqual(Buffer.from(table));
});
