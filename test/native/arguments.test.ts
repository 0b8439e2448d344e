import { describe, expect, test } from 'vitest';
import { addon, call } from './addon.js';

const bytes = (length: number): Uint8Array => new Uint8Array(length);

/** A complete, valid set of arguments per operation; none of the paths exists. */
const VALID: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  tsmQuote: { entryPath: '/nowhere/entry', reportData: bytes(64), busyWaitMs: 1, pollIntervalMs: 1, generationWaitMs: 1, deadlineMs: 100 },
  tdxReport: { devicePath: '/nowhere/tdx_guest', reportData: bytes(64), deadlineMs: 100 },
  tdxExtendRtmr: { devicePath: '/nowhere/tdx_guest', index: 3, digest: bytes(48), deadlineMs: 100 },
  sysfsExtendRtmr: { directory: '/nowhere/measurements', index: 3, digest: bytes(48), deadlineMs: 100 },
  nsmRequest: { devicePath: '/nowhere/nsm', request: bytes(1), deadlineMs: 100 },
  qgsExchange: { cid: 2, port: 4050, message: bytes(1), deadlineMs: 100 },
  lockFile: { path: '/nowhere/lock', pollIntervalMs: 1, deadlineMs: 100 },
  openTpm: { devicePath: '/nowhere/tpmrm0', deadlineMs: 100 },
  snpExtendedReport: { devicePath: '/nowhere/sev-guest', reportData: bytes(64), deadlineMs: 100 },
  peerCredentials: { fd: 1_000_000 },
  vsockListen: { cid: 0xffff_ffff, port: 0xffff_ffff, backlog: 5, maxConnections: 5 },
  vsockConnect: { cid: 2, port: 4050, deadlineMs: 100 },
  p256PublicKey: { point: bytes(64) },
};

const ANYTHING_ELSE: readonly unknown[] = [undefined, null, true, {}, [], Symbol('s'), 1n, () => 1];
const WRONG_PATH = [...ANYTHING_ELSE, 7, '', 'relative/path', './x', '/a\0b', `/${'x'.repeat(4095)}`, bytes(3)];
const WRONG_MS = [...ANYTHING_ELSE, '5', 0, -1, 1.5, NaN, Infinity, 600_001];
const wrongBytes = (...lengths: readonly number[]): readonly unknown[] => [
  ...ANYTHING_ELSE,
  'text',
  new ArrayBuffer(64),
  new Uint8ClampedArray(64),
  new Uint16Array(64),
  new DataView(new ArrayBuffer(64)),
  ...lengths.map(bytes),
];
const WRONG_INDEX = [...ANYTHING_ELSE, '3', -1, 4, 2.5, NaN, 259];

const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  entryPath: WRONG_PATH,
  devicePath: WRONG_PATH,
  directory: WRONG_PATH,
  path: WRONG_PATH,
  reportData: wrongBytes(0, 63, 65),
  digest: wrongBytes(0, 47, 49, 64),
  request: wrongBytes(0, 4097),
  message: wrongBytes(0, 16_385),
  point: wrongBytes(0, 63, 65),
  index: WRONG_INDEX,
  cid: [...ANYTHING_ELSE, '2', -1, 0.5, NaN, 2 ** 32],
  port: [...ANYTHING_ELSE, '2', -1, 0, 0.5, NaN, 2 ** 32],
  backlog: [...ANYTHING_ELSE, '5', -1, 0, 0.5, NaN, 65_536],
  maxConnections: [...ANYTHING_ELSE, '5', -1, 0, 0.5, NaN, 1_000_001],
  fd: [...ANYTHING_ELSE, '3', -1, 0.5, NaN, 2 ** 31, 2 ** 32],
  busyWaitMs: WRONG_MS,
  pollIntervalMs: WRONG_MS,
  generationWaitMs: WRONG_MS,
  deadlineMs: WRONG_MS,
};

const CASES = Object.entries(VALID).flatMap(([name, options]) => Object.keys(options).map((member) => [name, member] as const));

function thrown(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return null;
}

describe('arguments of the addon', () => {
  test('every operation is in the table', () => {
    expect(Object.keys(addon).sort()).toEqual(Object.keys(VALID).sort());
  });

  test.each(CASES)('%s names a wrong %s', (name, member) => {
    const wrong = WRONG[member] ?? [];
    expect(wrong.length).toBeGreaterThan(0);
    for (const value of wrong) {
      const error = thrown(() => call(name, { ...VALID[name], [member]: value }));
      expect(error).toBeInstanceOf(TypeError);
      expect((error as Error).message).toContain(`\`${member}\``);
    }
  });

  test.each(CASES)('%s names a missing %s', (name, member) => {
    const { [member]: _, ...rest } = VALID[name] ?? {};
    const error = thrown(() => call(name, rest));
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toContain(`\`${member}\``);
  });

  test.each(Object.keys(VALID))('%s takes one object and nothing else', (name) => {
    const options = VALID[name];
    for (const args of [[], [null], [undefined], ['/path'], [7], [options, options]]) {
      const error = thrown(() => call(name, ...args));
      expect(error).toBeInstanceOf(TypeError);
      expect((error as Error).message).toContain('`options`');
    }
  });

  test('a TPM device names a wrong argument of a command', async () => {
    const device = (await call('openTpm', { devicePath: '/dev/null', deadlineMs: 100 })) as Readonly<Record<string, (options: unknown) => unknown>>;
    const valid = { command: bytes(10), deadlineMs: 100 };
    for (const [member, wrong] of [
      ['command', wrongBytes(0, 9, 4097)],
      ['deadlineMs', WRONG_MS],
    ] as const) {
      for (const value of wrong) {
        const error = thrown(() => device['transceive']?.({ ...valid, [member]: value }));
        expect(error).toBeInstanceOf(TypeError);
        expect((error as Error).message).toContain(`\`${member}\``);
      }
    }
    await device['close']?.(undefined);
    await expect(device['transceive']?.(valid)).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
    const made = new (device.constructor as new () => typeof device)();
    expect(thrown(() => made['transceive']?.(valid))).toBeInstanceOf(TypeError);
  });

  test('an error thrown by a getter comes through as it is', () => {
    const own = new RangeError('mine');
    const options = {
      ...VALID['tdxReport'],
      get reportData(): Uint8Array {
        throw own;
      },
    };
    expect(thrown(() => call('tdxReport', options))).toBe(own);
  });

  test('bytes whose buffer a getter took away have no length left', () => {
    const reportData = bytes(64);
    const options = {
      devicePath: '/nowhere/tdx_guest',
      get reportData(): Uint8Array {
        structuredClone(reportData.buffer, { transfer: [reportData.buffer as ArrayBuffer] });
        return reportData;
      },
      deadlineMs: 100,
    };
    expect(thrown(() => call('tdxReport', options))).toBeInstanceOf(TypeError);
  });

  const WITHOUT_PATH: ReadonlySet<string> = new Set(['peerCredentials', 'qgsExchange', 'vsockListen', 'vsockConnect', 'p256PublicKey']);
  test.each(Object.keys(VALID).filter((name) => !WITHOUT_PATH.has(name)))('%s with valid arguments fails on the missing path only', async (name) => {
    await expect(call(name, VALID[name])).rejects.toMatchObject({ code: 'DEVICE_ABSENT', errno: 2 });
  });

  test.each(['verify', 'verifyRaw'] as const)('%s of a key of P-256 names the wrong one', (method) => {
    const point = Buffer.from('60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299', 'hex');
    const key = call('p256PublicKey', { point }) as Record<typeof method, (request: unknown) => unknown>;
    const valid = { digest: bytes(32), signature: bytes(64) };
    expect(key[method](valid)).toBe(false);
    for (const digest of wrongBytes(0, 31, 33)) expect(thrown(() => key[method]({ ...valid, digest }))).toMatchObject({ name: 'TypeError', message: expect.stringContaining('`digest`') });
    for (const signature of wrongBytes(...(method === 'verify' ? [81] : [63, 65]))) {
      expect(thrown(() => key[method]({ ...valid, signature }))).toMatchObject({ name: 'TypeError', message: expect.stringContaining('`signature`') });
    }
    expect(thrown(() => key[method].call({}, valid))).toBeInstanceOf(TypeError);
  });
});
