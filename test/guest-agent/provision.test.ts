import { describe, expect, it } from 'vitest';
import { createMeasuredLog } from '../../src/guest-agent/measured-log.js';
import { measureProvisioning, type Provisioned, provisionFromKms } from '../../src/guest-agent/provision.js';
import { createDevelopmentTdx } from '../../src/simulator/tdx-platform.js';
import { ROOT_KEY, ROOT_PEM } from '../outbound/test-kms.js';
import { errorCode, fixtureKeys, hex } from './fixture.js';

const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(7);
const answer = { caCert: ROOT_PEM, diskCryptKey: bytes(32), envCryptKey: bytes(32), k256Key: bytes(32), k256Signature: bytes(65), gatewayAppId: 'any', osImageHash: bytes(32) };
const works = { getTempCaCert: async () => ({ tempCaCert: 'cert', tempCaKey: 'key' }), getAppKey: async () => answer };
const fails = (text: string): typeof works => ({ ...works, getAppKey: () => Promise.reject(new RangeError(text)) });

describe('provisionFromKms', () => {
  const provision = (sources: Record<string, typeof works>): { result: Promise<Provisioned>; failed: string[] } => {
    const failed: string[] = [];
    const connect = (url: string): typeof works => sources[url] ?? fails('unknown');
    const result = provisionFromKms({ kmsUrls: Object.keys(sources), connect, vmConfig: '', onFailure: (url) => void failed.push(url) });
    return { result, failed };
  };

  it.each(['https://b', 'https://b/', 'https://b/prpc'])('takes the first KMS that works (%s)', async (url) => {
    const { result, failed } = provision({ 'https://a': fails('a'), [url]: works, 'https://c': fails('c') });
    const { keys, osImageHash } = await result;
    expect(failed).toEqual(['https://a']);
    expect(keys.keyProvider).toEqual({ kind: 'kms', url: 'https://b/prpc', pubkey: Uint8Array.from(ROOT_KEY.spki), tmpCaKey: 'key', tmpCaCert: 'cert' });
    expect(osImageHash).toEqual(bytes(32));
  });

  it('reports the first failure when none works', async () => {
    await expect(provision({ 'https://a': fails('a'), 'https://b': fails('b') }).result).rejects.toThrow('a');
    await expect(provision({}).result).rejects.toEqual(errorCode('ConfigError', 'CONFIG_INVALID'));
  });
});

describe('measureProvisioning', () => {
  const machine = (): ReturnType<typeof createDevelopmentTdx> =>
    createDevelopmentTdx({ seed: bytes(32), clock: () => 1_795_449_011, app: { events: [] }, imageHash: bytes(32), vmConfig: null });
  const eventsOf = async (source: ReturnType<typeof machine>): Promise<readonly { event: string; payload: Uint8Array }[]> => (await source.attest(new Uint8Array(64))).stack.runtimeEvents;
  const fromKms: Provisioned = {
    keys: { ...fixtureKeys(), keyProvider: { kind: 'kms', url: 'u', pubkey: bytes(2), tmpCaKey: '', tmpCaCert: '' } },
    osImageHash: bytes(32),
  };

  it('measures image, provider and the end of boot, in this order', async () => {
    const source = machine();
    await measureProvisioning(fromKms, createMeasuredLog(source), []);
    expect((await eventsOf(source)).map(({ event, payload }) => [event, event === 'key-provider' ? Buffer.from(payload).toString() : hex(payload)])).toEqual([
      ['os-image-hash', '07'.repeat(32)],
      ['key-provider', '{"name":"kms","id":"0707"}'],
      ['system-ready', ''],
    ]);
  });

  it.each([
    [{ kind: 'none', key: '' }, '{"name":"none","id":""}'],
    [{ kind: 'local', key: '', mr: bytes(1) }, '{"name":"local-sgx","id":"07"}'],
    [{ kind: 'tpm', key: '', pubkey: bytes(1) }, '{"name":"tpm","id":""}'],
  ] as const)('names the provider of %j', async (keyProvider, payload) => {
    const source = machine();
    await measureProvisioning({ keys: { ...fixtureKeys(), keyProvider }, osImageHash: null }, createMeasuredLog(source), []);
    const events = await eventsOf(source);
    expect(events.map(({ event }) => event)).toEqual(['key-provider', 'system-ready']);
    expect(Buffer.from(events[0]?.payload ?? []).toString()).toBe(payload);
  });

  it('leaves the registers of a restarted agent as they are', async () => {
    const source = machine();
    await measureProvisioning(fromKms, createMeasuredLog(source), []);
    const before = (await source.attest(new Uint8Array(64))).stack.runtimeEvents;
    await measureProvisioning(fromKms, createMeasuredLog(source), before);
    expect(await eventsOf(source)).toEqual(before);
  });

  it('finishes what an earlier start began', async () => {
    const source = machine();
    const log = createMeasuredLog(source);
    await log.emitBoot('os-image-hash', bytes(32));
    await measureProvisioning(fromKms, log, (await source.attest(new Uint8Array(64))).stack.runtimeEvents);
    expect((await eventsOf(source)).map(({ event }) => event)).toEqual(['os-image-hash', 'key-provider', 'system-ready']);
  });

  it('refuses keys of another provider than this boot measured', async () => {
    const source = machine();
    const log = createMeasuredLog(source);
    await measureProvisioning({ keys: fixtureKeys(), osImageHash: null }, log, []);
    const soFar = (await source.attest(new Uint8Array(64))).stack.runtimeEvents;
    await expect(measureProvisioning(fromKms, log, soFar)).rejects.toEqual(errorCode('ConfigError', 'CONFIG_INVALID'));
    expect(await eventsOf(source)).toEqual(soFar);
  });
});
