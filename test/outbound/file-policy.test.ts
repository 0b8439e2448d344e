import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { BootInfo } from '../../src/attestation/evidence/boot-info.js';
import { FilePolicy } from '../../src/outbound/file-policy.js';
import { KnownImagesFile, NO_KNOWN_IMAGES } from '../../src/outbound/known-images-file.js';

const tdx: BootInfo = {
  teeVariant: 'dstack-tdx',
  mrAggregated: 'a1'.repeat(32),
  osImageHash: '05'.repeat(32),
  mrSystem: 'b2'.repeat(32),
  appId: 'ab'.repeat(20),
  composeHash: 'c0'.repeat(32),
  instanceId: '',
  deviceId: 'dd'.repeat(32),
  keyProviderInfo: '',
  tcbStatus: 'UpToDate',
  advisoryIds: [],
};
const nitro: BootInfo = { ...tdx, teeVariant: 'dstack-nitro-enclave', tcbStatus: '' };

const app = { composeHashes: [tdx.composeHash], devices: [] as string[], allowAnyDevice: false };
const policy = { gatewayAppId: 'gw', osImages: [tdx.osImageHash], kms: { mrAggregated: [tdx.mrAggregated] }, apps: { [tdx.appId]: app } };

let path: string;
let files: FilePolicy;
beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), 'policy-')), 'policy.json');
  files = new FilePolicy(path);
});
const write = (value: unknown): void => writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value));
const refused = (code: string, message: string) => expect.objectContaining({ code, message });

describe('the policy file', () => {
  it('allows what it lists, in either case and with or without 0x', async () => {
    write({ ...policy, osImages: [`0x${tdx.osImageHash.toUpperCase()}`], apps: { [`0x${tdx.appId.toUpperCase()}`]: app } });
    expect(await files.authorizeApp(tdx)).toEqual({ gatewayAppId: 'gw' });
    expect(await files.authorizeKms(tdx)).toEqual({ gatewayAppId: 'gw' });
  });

  it.each([
    [{ osImages: [] }, 'OS image is not allowed'],
    [{ apps: {} }, 'app not registered'],
    [{ apps: { [tdx.appId]: { ...app, composeHashes: [] } } }, 'compose hash not allowed'],
    [{ apps: { [tdx.appId]: { ...app, devices: ['00'.repeat(32)] } } }, 'app is not allowed to boot on this device'],
  ])('denies an application that is not: %j', async (more, reason) => {
    write({ ...policy, ...more });
    await expect(files.authorizeApp(tdx)).rejects.toEqual(refused('NOT_REGISTERED', reason));
  });

  it('denies a KMS that is not listed, by measurement and by device', async () => {
    write({ ...policy, kms: {} });
    await expect(files.authorizeKms(tdx)).rejects.toEqual(refused('NOT_REGISTERED', 'aggregated MR not allowed'));
    write({ ...policy, kms: { mrAggregated: [tdx.mrAggregated], devices: ['00'.repeat(32)] } });
    await expect(files.authorizeKms(tdx)).rejects.toEqual(refused('NOT_REGISTERED', 'KMS is not allowed to boot on this device'));
    write({ ...policy, kms: { mrAggregated: [tdx.mrAggregated], devices: ['00'.repeat(32)], allowAnyDevice: true } });
    await files.authorizeKms(tdx);
  });

  it('accepts UpToDate alone unless told otherwise, and each advisory by name', async () => {
    write(policy);
    const old: BootInfo = { ...tdx, tcbStatus: 'OutOfDate', advisoryIds: ['INTEL-SA-1'] };
    await expect(files.authorizeApp(old)).rejects.toEqual(refused('TCB_STATUS_NOT_ACCEPTED', 'TCB status is not allowed'));
    write({ ...policy, allowedTcbStatuses: ['UpToDate', 'OutOfDate'] });
    await expect(files.authorizeApp(old)).rejects.toEqual(refused('ADVISORY_NOT_ACCEPTED', 'advisory ID is not allowed'));
    write({ ...policy, allowedTcbStatuses: ['UpToDate', 'OutOfDate'], allowedAdvisoryIds: ['INTEL-SA-1'] });
    await files.authorizeApp(old);
  });

  it('serves enclaves, which have no TCB status, without weakening anything else', async () => {
    write(policy);
    await files.authorizeApp(nitro);
    await expect(files.authorizeApp({ ...tdx, tcbStatus: '' })).rejects.toMatchObject({ code: 'TCB_STATUS_NOT_ACCEPTED' });
    await expect(files.authorizeApp({ ...nitro, composeHash: '00'.repeat(32) })).rejects.toMatchObject({ code: 'NOT_REGISTERED' });
  });

  it('knows key names only where an application declares them', async () => {
    write({ ...policy, apps: { [tdx.appId]: { ...app, declaredKeys: ['a'] } } });
    expect([await files.exists(tdx.appId, 'a'), await files.exists(tdx.appId, 'b'), await files.exists('00'.repeat(20), 'b')]).toEqual([true, false, true]);
  });

  it('is read again when it changes, also when it is replaced by another of the same size', async () => {
    write(policy);
    await files.authorizeApp(tdx);
    writeFileSync(`${path}.new`, JSON.stringify(policy).replace(tdx.composeHash, '00'.repeat(32)));
    renameSync(`${path}.new`, path);
    await expect(files.authorizeApp(tdx)).rejects.toMatchObject({ code: 'NOT_REGISTERED' });
  });

  it('never allows what it allowed before when it cannot be read now', async () => {
    write(policy);
    await files.authorizeApp(tdx);
    for (const bad of ['', '{', 'null', '[]', '{"osImages":"all"}', '{"osImages":["xyz"]}', '{"oSImages":[]}', '{"apps":{"x":{"composehashes":[]}}}']) {
      write(bad);
      await expect(files.authorizeApp(tdx), bad).rejects.toMatchObject({ code: 'BACKEND_ANSWER_INVALID' });
      await expect(files.authorizeKms(tdx), bad).rejects.toMatchObject({ code: 'BACKEND_ANSWER_INVALID' });
      await expect(files.exists(tdx.appId, 'a'), bad).rejects.toMatchObject({ code: 'BACKEND_ANSWER_INVALID' });
    }
    rmSync(path);
    await expect(files.authorizeApp(tdx)).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
    write(policy);
    await files.authorizeApp(tdx);
  });
});

describe('the list of known images', () => {
  const launch = { mrtd: '01'.repeat(48), rtmr0: '02'.repeat(48), rtmr1: '03'.repeat(48), rtmr2: '04'.repeat(48) };

  it('has what is registered for an image, and nothing for any other', () => {
    write({ [`0x${'AB'.repeat(32)}`]: [{ ...launch, mrtd: `0x${launch.mrtd.toUpperCase()}` }] });
    const images = new KnownImagesFile(path);
    expect(images.launchMeasurements('ab'.repeat(32))).toEqual([launch]);
    expect(images.launchMeasurements('cd'.repeat(32))).toEqual([]);
    expect(NO_KNOWN_IMAGES.launchMeasurements('ab'.repeat(32))).toEqual([]);
  });

  it.each(['{"ab":[]}', `{"${'ab'.repeat(32)}":[{"mrtd":"00"}]}`, '[]'])('is refused whole when it is malformed: %s', (bad) => {
    write(bad);
    expect(() => new KnownImagesFile(path).launchMeasurements('ab'.repeat(32))).toThrowError(expect.objectContaining({ code: 'BACKEND_ANSWER_INVALID' }));
  });
});
