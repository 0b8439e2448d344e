import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { scratch } from './addon.js';
import { withShim } from './with-shim.js';
import { serveEntry } from './tsm-entry.js';

const EIO = 5;
const EBUSY = 16;
const EINVAL = 22;
const EINTR = 4;
const EMSGSIZE = 90;
const ETIMEDOUT = 110;

const callWith = withShim();

const reportData = Buffer.from(Array.from({ length: 64 }, (_, i) => 255 - i)).toString('hex');
const digest = 'd1'.repeat(48);

describe('/dev/tdx_guest', () => {
  test('a report request carries the report data first and returns the 1024 bytes after it', async () => {
    const SHIM_RECORD = join(await scratch(), 'record');
    const outcome = await callWith({ SHIM_RECORD }, 'tdxReport', { devicePath: '/dev/null', reportData: { hex: reportData }, deadlineMs: 2000 });
    expect(outcome['value']).toBe(Buffer.from(Array.from({ length: 1024 }, (_, i) => i & 0xff)).toString('hex'));
    expect((await readFile(SHIM_RECORD)).toString('hex')).toBe(reportData);
  });

  test('an extension is digest then index, 49 bytes', async () => {
    const SHIM_RECORD = join(await scratch(), 'record');
    const outcome = await callWith({ SHIM_RECORD }, 'tdxExtendRtmr', { devicePath: '/dev/null', index: 2, digest: { hex: digest }, deadlineMs: 2000 });
    expect(outcome['value']).toBeNull();
    expect((await readFile(SHIM_RECORD)).toString('hex')).toBe(`${digest}02`);
  });

  test('EBUSY is asked again and extends once', async () => {
    const SHIM_RECORD = join(await scratch(), 'record');
    const env = { SHIM_RECORD, SHIM_IOCTL_ERRNO: `${EBUSY},${EBUSY}` };
    const outcome = await callWith(env, 'tdxExtendRtmr', { devicePath: '/dev/null', index: 3, digest: { hex: digest }, deadlineMs: 2000 });
    expect(outcome['value']).toBeNull();
    expect(await readFile(SHIM_RECORD)).toHaveLength(49);
  });

  test('EBUSY until the deadline is a busy device', async () => {
    const env = { SHIM_IOCTL_ERRNO: Array.from({ length: 500 }, () => EBUSY).join(',') };
    const outcome = await callWith(env, 'tdxExtendRtmr', { devicePath: '/dev/null', index: 3, digest: { hex: digest }, deadlineMs: 60 });
    expect(outcome).toMatchObject({ code: 'DEVICE_BUSY', errno: EBUSY });
    expect(outcome.ms).toBeLessThan(1500);
  });

  test.each([EINVAL, EINTR, EIO])('errno %i is final: nothing is extended', async (errno) => {
    const SHIM_RECORD = join(await scratch(), 'record');
    const env = { SHIM_RECORD, SHIM_IOCTL_ERRNO: String(errno) };
    const outcome = await callWith(env, 'tdxExtendRtmr', { devicePath: '/dev/null', index: 0, digest: { hex: digest }, deadlineMs: 2000 });
    expect(outcome).toMatchObject({ code: 'DEVICE_FAILED', errno });
    await expect(readFile(SHIM_RECORD)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('rtmr3:sha384', () => {
  test.each([
    [`${EBUSY},${EBUSY}`, { value: null }, 48],
    [`${EIO}`, { code: 'DEVICE_FAILED', errno: EIO }, 0],
    [`${EINTR}`, { code: 'DEVICE_FAILED', errno: EINTR }, 0],
  ])('errors %s lead to %j with %i bytes written', async (SHIM_RTMR_ERRNO, expected, written) => {
    const directory = await scratch();
    await writeFile(join(directory, 'rtmr3:sha384'), '');
    const outcome = await callWith({ SHIM_RTMR_ERRNO }, 'sysfsExtendRtmr', { directory, index: 3, digest: { hex: digest }, deadlineMs: 2000 });
    expect(outcome).toMatchObject(expected);
    expect(await readFile(join(directory, 'rtmr3:sha384'))).toHaveLength(written);
  });
});

describe('/dev/nsm', () => {
  const options = { devicePath: '/dev/null', request: { hex: '6947657452616e646f6d' }, deadlineMs: 2000 };

  test('the request goes as it is, with a response buffer of 12288 bytes, and what the driver filled comes back', async () => {
    const SHIM_RECORD = join(await scratch(), 'record');
    const outcome = await callWith({ SHIM_RECORD }, 'nsmRequest', options);
    expect(outcome['value']).toBe('5a'.repeat(5));
    expect((await readFile(SHIM_RECORD)).toString('hex')).toBe(`6947657452616e646f6d0030000000000000`);
  });

  test('a response that fills the buffer is whole', async () => {
    const outcome = await callWith({ SHIM_NSM_LENGTH: '12288' }, 'nsmRequest', options);
    expect(outcome['value']).toHaveLength(2 * 12288);
  });

  test.each(['0', '12289', '18446744073709551615'])('a response length of %s is refused', async (SHIM_NSM_LENGTH) => {
    expect(await callWith({ SHIM_NSM_LENGTH }, 'nsmRequest', options)).toMatchObject({ code: 'DEVICE_FAILED', errno: null });
  });

  test('EMSGSIZE fails', async () => {
    expect(await callWith({ SHIM_IOCTL_ERRNO: String(EMSGSIZE) }, 'nsmRequest', options)).toMatchObject({ code: 'DEVICE_FAILED', errno: EMSGSIZE });
  });
});

describe('a busy configfs-tsm entry', () => {
  const options = { reportData: { hex: reportData }, busyWaitMs: 40, pollIntervalMs: 2, generationWaitMs: 1000, deadlineMs: 5000 };

  test('two refusals to write are waited out', async () => {
    const entryPath = await serveEntry();
    const outcome = await callWith({ SHIM_WRITE_ERRNO: `${EBUSY},${EBUSY}` }, 'tsmQuote', { entryPath, ...options });
    expect(outcome['value']).toHaveLength(2 * 2048);
    expect(outcome.ms).toBeGreaterThanOrEqual(80);
  });

  test('a third refusal to write is final, and nothing was written', async () => {
    const entryPath = await serveEntry();
    const outcome = await callWith({ SHIM_WRITE_ERRNO: `${EBUSY},${EBUSY},${EBUSY}` }, 'tsmQuote', { entryPath, ...options });
    expect(outcome).toMatchObject({ code: 'DEVICE_BUSY', errno: EBUSY });
    expect(await readFile(join(entryPath, 'inblob'))).toHaveLength(0);
  });

  test('another error on writing is final at once', async () => {
    const outcome = await callWith({ SHIM_WRITE_ERRNO: String(EINVAL) }, 'tsmQuote', { entryPath: await serveEntry(), ...options });
    expect(outcome).toMatchObject({ code: 'DEVICE_FAILED', errno: EINVAL });
    expect(outcome.ms).toBeLessThan(1000);
  });

  test.each([EBUSY, EINTR, ETIMEDOUT])('errno %i on reading is waited out twice', async (errno) => {
    const outcome = await callWith({ SHIM_READ_ERRNO: `${errno},${errno}` }, 'tsmQuote', { entryPath: await serveEntry(), ...options });
    expect(outcome['value']).toHaveLength(2 * 2048);
    expect(outcome.ms).toBeGreaterThanOrEqual(80);
  });

  test.each([
    [EBUSY, 'DEVICE_BUSY'],
    [EINTR, 'DEVICE_FAILED'],
    [ETIMEDOUT, 'DEVICE_TIMEOUT'],
  ])('errno %i on reading three times is %s', async (errno, code) => {
    const outcome = await callWith({ SHIM_READ_ERRNO: `${errno},${errno},${errno}` }, 'tsmQuote', { entryPath: await serveEntry(), ...options });
    expect(outcome).toMatchObject({ code, errno });
  });

  test('the deadline ends the wait between tries', async () => {
    const entryPath = await serveEntry();
    const outcome = await callWith({ SHIM_WRITE_ERRNO: `${EBUSY},${EBUSY}` }, 'tsmQuote', { entryPath, ...options, busyWaitMs: 60_000, deadlineMs: 80 });
    expect(outcome).toMatchObject({ code: 'DEVICE_TIMEOUT', errno: null });
    expect(outcome.ms).toBeLessThan(2000);
  });
});
