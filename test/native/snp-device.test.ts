import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { bootInfo } from '../../src/attestation/evidence/boot-info.js';
import type { EvidenceSource } from '../../src/attestation/evidence/evidence-source.js';
import type { SnpDeviceOptions } from '../../src/attestation/issue/snp-device.js';
import { EvidenceSourceError } from '../../src/errors/evidence-source-error.js';
import { loadNative } from '../../src/native/loader.js';
import { expectFailure, scratch } from './addon.js';
import { app } from './fuse/machine.js';
import { mountDevices } from './fuse/mounted.js';
import { ERRNO } from './fuse/nodes.js';
import { partsOf, snpSource, verify } from './snp-source.js';

// The SEV-SNP source on configfs-tsm behind the kernel.

const devices = mountDevices('SEV-SNP through configfs-tsm, verified');
const native = loadNative();
const reportData = Uint8Array.from({ length: 64 }, (_, i) => i ^ 0x71);
const TABLE_END = 24;

const onConfigfs = (changes: Partial<SnpDeviceOptions> = {}): Promise<EvidenceSource> => snpSource({ tsmBase: devices.path('snp') }, changes);

/** A device in place of `/dev/sev-guest`, as far as this program sees it. */
function deviceThatGives(certificates: Uint8Array): SnpDeviceOptions['native'] {
  return {
    lockFile: native.lockFile,
    snpExtendedReport: async (request) => {
      const report = new Uint8Array(1184);
      report.set(request.reportData, 0x50);
      return { report, certificates };
    },
  };
}

describe('an SEV-SNP guest', () => {
  test('is genuine and says who it is; what it logs is no part of its evidence', async () => {
    const source = await onConfigfs();
    await source.emitEvent?.('app-id', Uint8Array.of(1));
    const attestation = await source.attest(reportData);
    expect(attestation.stack.runtimeEvents).toEqual([]);
    expect(partsOf(attestation).certChain).toHaveLength(1);
    const verified = await verify(attestation);
    expect(verified).toMatchObject({ variant: 'dstack-amd-sev-snp' });
    expect(Buffer.from(verified.reportData)).toEqual(Buffer.from(reportData));
    expect(bootInfo(verified, { view: 'runtime' })).toMatchObject({ appId: Buffer.from(app.appId).toString('hex') });
  });

  test('answers many at once, each about its own report data', async () => {
    const source = await onConfigfs();
    const asked = Array.from({ length: 8 }, (_, i) => new Uint8Array(64).fill(i));
    const attestations = await Promise.all(asked.map((data) => source.attest(data)));
    for (const [i, attestation] of attestations.entries()) expect(Buffer.from((await verify(attestation)).reportData)).toEqual(Buffer.from(asked[i] ?? []));
  });

  test('fails where the kernel takes report data neither raw nor as hex', async () => {
    await devices.misbehave({ tsm: { writeErrnos: [ERRNO.EINVAL, ERRNO.EBUSY] } });
    await expect((await onConfigfs()).attest(reportData)).rejects.toMatchObject({ code: 'DEVICE_BUSY' });
    expect((await devices.seen()).inblobs).toEqual([]);
  });

  test('is read where the files have the names of older kernels', async () => {
    const folder = await scratch();
    const entry = join(folder, 'dstack-1');
    await mkdir(entry);
    for (const [name, content] of [
      ['provider', 'sev-guest\n'],
      ['report_data', ''],
      ['report', Buffer.alloc(1184)],
    ] as const) {
      await writeFile(join(entry, name), content);
    }
    await expect((await snpSource({ tsmBase: folder })).attest(new Uint8Array(64))).resolves.toMatchObject({ platform: { kind: 'sev-snp', certChain: [] } });
  });

  test.each([
    ['about other report data', { otherReportData: true }],
    ['too short', { blobBytes: 1183 }],
    ['too long', { blobBytes: 1185 }],
    ['empty', { blobBytes: 0 }],
    ['of another provider', { provider: 'tdx_guest' }],
    ['not given', { readErrnos: [ERRNO.EIO] }],
    ['about data not taken whole', { writeTakes: 63 }],
  ])('gives no evidence when the report is %s', async (_, tsm) => {
    const source = await onConfigfs();
    await devices.misbehave({ tsm });
    await expect(source.attest(reportData)).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
    await devices.misbehave({});
    await verify(await source.attest(reportData));
  });

  test('gives no evidence when somebody else writes its entry', async () => {
    const source = await onConfigfs();
    await devices.misbehave({ tsm: { generationStepOnRead: 1 } });
    await expect(source.attest(reportData)).rejects.toMatchObject({ code: 'DEVICE_BUSY' });
  });

  test.each(['', '{}', 'no JSON'])('is not one with %j for its configuration', async (mrConfig) => {
    await expect(onConfigfs({ mrConfig })).rejects.toBeInstanceOf(EvidenceSourceError);
  });

  test('without either interface gives no evidence', async () => {
    await expect((await snpSource({})).attest(reportData)).rejects.toMatchObject({ code: 'DEVICE_ABSENT' });
  });
});

describe('/dev/sev-guest', () => {
  test('that knows no such request fails', () =>
    expectFailure(native.snpExtendedReport({ devicePath: '/dev/null', reportData, deadlineMs: 2000 }), 'DEVICE_FAILED', ERRNO.ENOTTY));

  const table = Buffer.alloc(16_384);
  Buffer.from('63da758de6644564adc5f4b93be8accd', 'hex').copy(table);
  table.writeUInt32LE(2 * TABLE_END, 16);
  table.writeUInt32LE(3, 20);
  table.fill(0xcc, 2 * TABLE_END, 2 * TABLE_END + 3);

  test.each([
    ['certificates, is preferred', table, 1],
    ['no certificates, is not', Buffer.alloc(16_384), 0],
    ['a table without end, is not', Buffer.alloc(10, 1), 0],
  ])('where configfs-tsm has no certificates: with %s', async (_, certificates, count) => {
    await devices.misbehave({ tsm: { auxiliaryBytes: new Uint8Array() } });
    const source = await snpSource({ tsmBase: devices.path('snp'), sevGuest: '/dev/null' }, { native: deviceThatGives(certificates) });
    const { certChain, report } = partsOf(await source.attest(reportData));
    expect(certChain).toHaveLength(count);
    // The report beside the certificates is the one they are for.
    expect(report.subarray(0, 4).every((byte) => byte === 0)).toBe(count === 1);
    if (count === 1) expect(Uint8Array.from(certChain[0] ?? [])).toEqual(Uint8Array.from(table.subarray(0, 2 * TABLE_END + 3)));
  });

  test('is not asked when configfs-tsm has certificates', async () => {
    const never: SnpDeviceOptions['native'] = { lockFile: native.lockFile, snpExtendedReport: () => Promise.reject(new Error('asked')) };
    await verify(await (await snpSource({ tsmBase: devices.path('snp'), sevGuest: '/dev/null' }, { native: never })).attest(reportData));
  });
});
