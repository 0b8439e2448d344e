import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { withTpm as withProjectTpm, type TpmOptions } from '../../src/attestation/issue/tpm/client.js';
import { readNv } from '../../src/attestation/issue/tpm/nv.js';
import { extendPcr, readPcrs } from '../../src/attestation/issue/tpm/pcr.js';
import { makeTpmQuote, type BareTpmQuote } from '../../src/attestation/issue/tpm/quote.js';
import { parseTpmAttest } from '../../src/attestation/tpm/attest.js';
import { verifyTpmQuote } from '../../src/attestation/tpm/verify.js';
import { loadNative } from '../../src/native/loader.js';
import { developmentRoots } from '../../src/simulator/roots.js';
import { createDevelopmentTpmPki } from '../../src/simulator/tpm-pki.js';
import { expectFailure } from './addon.js';
import { GCP_NV, provisionGcp, unprovisionGcp, type GcpKeys } from './fuse/gcp-tpm.js';
import { seed } from './fuse/machine.js';
import { mountDevices } from './fuse/mounted.js';
import { NV, withTpm } from './fuse/tpm-client.js';

// This project's TPM commands, through its addon and the kernel, to a TPM that is not its own.

const devices = mountDevices('TPM 2.0 commands and quotes of this project', { tpm: true });
const native = loadNative();
const tpm = (): string => devices.path('dev', 'tpmrm0');
const options = (): TpmOptions => ({ native, devices: ['/nowhere/tpmrm0', tpm()], commandDeadlineMs: 10_000, retryWaitMs: 1 });
const qualifyingData = createHash('sha256').update('a TDX quote').digest();
const quote = (): Promise<BareTpmQuote> => withProjectTpm(options(), (client) => makeTpmQuote(client, qualifyingData));
const sha256 = (...parts: readonly Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();

const QUOTE = 0x158;
const CREATE_PRIMARY = 0x131;
const FLUSH = 0x165;
const NV_READ = 0x14e;
const PCR_EXTEND = 0x182;
const RC_RETRY = 0x922;
const RC_FAILURE = 0x101;

async function provisioned(keys: GcpKeys, attributes?: number): Promise<void> {
  await unprovisionGcp(tpm());
  await provisionGcp(tpm(), keys, attributes);
  await devices.misbehave({});
}

async function verify(bare: BareTpmQuote): Promise<ReturnType<typeof verifyTpmQuote>> {
  const { published } = createDevelopmentTpmPki(seed);
  const fetch = async (url: string): Promise<Uint8Array> => published.get(url) ?? Promise.reject(new Error(`nothing at ${url}`));
  return verifyTpmQuote({ ...bare, platform: 'gcp', eventLog: [] }, { now: Date.now() / 1000, root: developmentRoots(seed).gcpTpm, certificates: { allows: () => true, fetch } });
}

async function nothingLeaked(): Promise<void> {
  expect(await devices.seen()).toMatchObject({ tpmLeaked: 0 });
}

describe('a quote', () => {
  beforeAll(() => (devices.mounted() ? provisioned({ ecc: true, rsa: true }) : undefined));

  test('by the key on a curve verifies, trailing bytes included, and leaves nothing loaded', async () => {
    await devices.misbehave({});
    const made = await quote();
    expect(Buffer.from((await verify(made)).extraData)).toEqual(qualifyingData);
    expect(made.pcrValues.map(({ index, algorithm, value }) => [index, algorithm, value.length])).toEqual([0, 2, 14].map((index) => [index, 'sha256', 32]));
    // TPMT_SIGNATURE of ECDSA is 2 + 2 + 34 + 34 bytes at most, then nonce, attributes and value of the session.
    expect(Buffer.from(made.signature.subarray(-5)).toString('hex')).toBe('0000010000');
    expect(Buffer.from(made.signature.subarray(0, 4)).toString('hex')).toBe('0018000b');
    await nothingLeaked();
  });

  test('an extension shows in the quote, once', async () => {
    const digest = sha256(Buffer.from('event'));
    const before = await withProjectTpm(options(), (client) => readPcrs(client, [14]));
    await withProjectTpm(options(), (client) => extendPcr(client, 14, digest));
    const made = await quote();
    const expected = sha256(before[0]?.value ?? new Uint8Array(), digest);
    expect(Buffer.from(made.pcrValues[2]?.value ?? [])).toEqual(expected);
    await verify(made);
  });

  test('that the TPM refuses flushes the key, and says the response code', async () => {
    await devices.misbehave({ tpm: { refusals: [{ command: QUOTE, rc: RC_FAILURE }] } });
    const error = (await quote().catch((reason: unknown) => reason)) as Error;
    expect(error).toMatchObject({ code: 'DEVICE_FAILED' });
    expect(error.message).toContain('0x00000101');
    const { tpmCommands } = await devices.seen();
    expect(tpmCommands.at(-1)).toBe(FLUSH);
    await nothingLeaked();
  });

  test('whose key cannot be flushed is no quote', async () => {
    await devices.misbehave({ tpm: { refusals: [{ command: FLUSH, rc: RC_FAILURE }] } });
    await expect(quote()).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
  });

  test('falls back to the RSA key when the other cannot be loaded', async () => {
    await devices.misbehave({ tpm: { refusals: [{ command: CREATE_PRIMARY, rc: RC_FAILURE }] } });
    const made = await quote();
    expect(Buffer.from(made.signature.subarray(0, 4)).toString('hex')).toBe('0014000b');
    expect(Buffer.from((await verify(made)).extraData)).toEqual(qualifyingData);
    await nothingLeaked();
  });

  test('is asked for again when the TPM says so, and not for ever', async () => {
    await devices.misbehave({ tpm: { refusals: Array.from({ length: 4 }, () => ({ command: QUOTE, rc: RC_RETRY })) } });
    await verify(await quote());
    await devices.misbehave({ tpm: { refusals: Array.from({ length: 5 }, () => ({ command: QUOTE, rc: RC_RETRY })) } });
    await expect(quote()).rejects.toMatchObject({ code: 'DEVICE_BUSY' });
    await nothingLeaked();
  });

  test('without a key of Google’s is not to be had', async () => {
    await unprovisionGcp(tpm());
    await expect(quote()).rejects.toMatchObject({ code: 'DEVICE_ABSENT' });
  });
});

describe('an NV index', () => {
  test.each([
    ['the owner', NV.ownerRead | NV.ownerWrite],
    ['its own password', NV.authRead | NV.ownerWrite],
  ])('is read whole by %s', async (_, attributes) => {
    await provisioned({ ecc: false, rsa: true }, attributes);
    const data = Uint8Array.from({ length: 1500 }, (__, i) => i & 0xff);
    await withTpm(tpm(), async (client) => {
      await client.undefineNv(GCP_NV.rsaCert);
      await client.defineNv(GCP_NV.rsaCert, attributes, data);
    });
    await devices.misbehave({});
    expect(await withProjectTpm(options(), (client) => readNv(client, GCP_NV.rsaCert))).toEqual(data);
    expect((await devices.seen()).tpmCommands.filter((code) => code === NV_READ).length).toBeGreaterThanOrEqual(2);
  });

  test('that does not exist is absent', async () => {
    await expect(withProjectTpm(options(), (client) => readNv(client, 0x0155_5555))).rejects.toMatchObject({ code: 'DEVICE_ABSENT' });
  });
});

describe('the device file', () => {
  const open = () => native.openTpm({ devicePath: tpm(), deadlineMs: 1000 });
  /** TPM2_GetRandom of 8 bytes. */
  const command = Buffer.from('80010000000c0000017b0008', 'hex');

  test('gives one response per command', async () => {
    const device = await open();
    const [first, second] = [await device.transceive({ command, deadlineMs: 5000 }), await device.transceive({ command, deadlineMs: 5000 })];
    expect([first.length, second.length]).toEqual([20, 20]);
    expect(first).not.toEqual(second);
    await device.close();
    await device.close();
    await expectFailure(device.transceive({ command, deadlineMs: 100 }), 'DEVICE_FAILED', null);
  });

  test('takes one command at a time', async () => {
    await devices.misbehave({ tpm: { delayMs: 100 } });
    const device = await open();
    const outcomes = await Promise.allSettled([1, 2].map(() => device.transceive({ command, deadlineMs: 5000 })));
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'DEVICE_BUSY' } });
    await device.close();
  });

  test.each([
    ['cut short', { readGives: 15 }, 'DEVICE_FAILED'],
    ['without a header', { answer: Buffer.from('8001', 'hex') }, 'DEVICE_FAILED'],
    ['that announces another length', { answer: Buffer.from('80010000000b00000000', 'hex') }, 'DEVICE_FAILED'],
    ['that never comes', { answer: new Uint8Array() }, 'DEVICE_TIMEOUT'],
  ])('a response %s fails', async (_, tpmFaults, code) => {
    await devices.misbehave({ tpm: tpmFaults });
    const device = await open();
    await expectFailure(device.transceive({ command, deadlineMs: 300 }), code, null);
    await device.close();
  });

  test('a slow command ends at the deadline, and its response is not the next one’s', async () => {
    await devices.misbehave({ tpm: { delayMs: 200 } });
    const device = await open();
    await expectFailure(device.transceive({ command, deadlineMs: 50 }), 'DEVICE_TIMEOUT', null);
    await devices.misbehave({});
    // TPM2_PCR_Read of one PCR, whose response has another length.
    const pcrRead = Buffer.from('8001000000140000017e00000001000b03010000', 'hex');
    expect(await device.transceive({ command: pcrRead, deadlineMs: 5000 })).toHaveLength(62);
    expect(await device.transceive({ command, deadlineMs: 5000 })).toHaveLength(20);
    await device.close();
  });

  test('an extension refused by the kernel as busy is made once', async () => {
    await devices.misbehave({ tpm: { writeErrnos: [16, 16] } });
    await withProjectTpm(options(), (client) => extendPcr(client, 14, new Uint8Array(32)));
    expect((await devices.seen()).tpmCommands.filter((code) => code === PCR_EXTEND)).toHaveLength(1);
  });

  test('none of several is absent', async () => {
    const nowhere = { ...options(), devices: ['/nowhere/a', '/nowhere/b'] };
    await expect(withProjectTpm(nowhere, async () => null)).rejects.toMatchObject({ code: 'DEVICE_ABSENT' });
  });
});

test('a quote’s message is an attestation of its own PCR values', async () => {
  await provisioned({ ecc: true, rsa: false });
  const { message, pcrValues } = await quote();
  expect(Buffer.from(parseTpmAttest(message).pcrDigest)).toEqual(sha256(...pcrValues.map(({ value }) => value)));
});
