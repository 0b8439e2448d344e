import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { verifyQuote } from '../../src/attestation/dcap/verify-quote.js';
import { claim } from '../../src/attestation/event-log/boundary.js';
import { replayRtmr, replayRuntimeEvents } from '../../src/attestation/event-log/replay.js';
import type { Attestation, TdxEvent } from '../../src/attestation/evidence/attestation.js';
import { parseQuote } from '../../src/attestation/tdx/quote.js';
import type { TdReport } from '../../src/attestation/tdx/quote.js';
import { decodeAttestation, encodeAttestation } from '../../src/attestation/wire/decode.js';
import { CollateralError } from '../../src/errors/collateral-error.js';
import { createDevelopmentTdx } from '../../src/simulator/tdx-platform.js';
import type { DevelopmentTdxOptions } from '../../src/simulator/tdx-platform.js';
import { app, clock, imageHash, NOW, reportData, seed } from './development.js';

const options: DevelopmentTdxOptions = { seed, clock, app, imageHash, vmConfig: null };
const BOOT = ['system-preparing', 'app-id', 'compose-hash', 'instance-id', 'boot-mr-done'];
const PROVISIONED = [...BOOT, 'key-provider', 'storage-fs', 'system-ready'];

interface TdxParts {
  readonly quote: Uint8Array;
  readonly report: TdReport;
  readonly log: readonly TdxEvent[];
}

function parts({ platform }: Attestation): TdxParts {
  if (platform.kind !== 'tdx') throw new Error(`evidence of ${platform.kind}`);
  const { report } = parseQuote(platform.quote);
  if (report.kind === 'sgx') throw new Error('an SGX quote');
  return { quote: platform.quote, report, log: platform.eventLog };
}

const names = ({ stack }: Attestation): string[] => stack.runtimeEvents.map((event) => event.event);
const collateralRequest = { tee: 'tdx', fmspc: new Uint8Array(6).fill(0xd5), ca: 'platform' } as const;

describe('the development TDX platform', () => {
  it('quotes what its logs replay to', async () => {
    const { report, log } = parts(await createDevelopmentTdx(options).attest(reportData));
    for (const [imr, rtmr] of report.rtmrs.entries()) expect(Buffer.from(replayRtmr(log, imr)).equals(rtmr), `RTMR${imr}`).toBe(true);
    expect(report.reportData).toEqual(reportData);
    expect(new Set(report.rtmrs.map((rtmr) => Buffer.from(rtmr).toString('hex'))).size).toBe(4);
  });

  it('is accepted by the production verifier with its own collateral and root', async () => {
    const platform = createDevelopmentTdx(options);
    const { quote } = parts(await platform.attest(reportData));
    const verdict = verifyQuote(quote, await platform.collateral.getCollateral(collateralRequest), { now: NOW, root: platform.root });
    expect(verdict.status).toBe('UpToDate');
    expect(platform).toMatchObject({ development: true, variant: 'dstack-tdx', nsmDocument: null });
  });

  it('measures the boot events in their order, through system-ready', async () => {
    const attestation = await createDevelopmentTdx(options).attest(reportData);
    expect(names(attestation)).toEqual(PROVISIONED);
    const { runtimeEvents } = attestation.stack;
    expect(claim(runtimeEvents, 'app-id')).toEqual(app.appId);
    expect(claim(runtimeEvents, 'compose-hash')).toEqual(app.composeHash);
    expect(claim(runtimeEvents, 'instance-id')).toEqual(app.instanceId);
    expect(Buffer.from(claim(runtimeEvents, 'key-provider')).toString()).toBe('{"name":"kms","id":"3059"}');
  });

  it('lets provisioning emit the later events as it proceeds', async () => {
    const platform = createDevelopmentTdx({ ...options, app: { ...app, keyProvider: null } });
    const before = await platform.attest(reportData);
    expect(names(before)).toEqual(BOOT);
    await platform.emitEvent('key-provider', Buffer.from('{"name":"kms","id":"3059"}'));
    await platform.emitEvent('storage-fs', Buffer.from('zfs'));
    await platform.emitEvent('system-ready', new Uint8Array());
    const after = await platform.attest(reportData);
    expect(names(after)).toEqual(PROVISIONED);
    expect(names(before)).toEqual(BOOT);
    expect(parts(after).report.rtmrs).toEqual(parts(await createDevelopmentTdx(options).attest(reportData)).report.rtmrs);
  });

  it('starts with given events instead', async () => {
    const events = [{ event: 'mine', payload: Uint8Array.of(1), version: 1 as const }];
    const { report } = parts(await createDevelopmentTdx({ ...options, app: { events } }).attest(reportData));
    expect(Buffer.from(replayRuntimeEvents(events, 'sha384')).equals(report.rtmrs[3])).toBe(true);
  });

  it('has an event log like a real one: three ACPI DATA events and well-known digests', async () => {
    const { log } = parts(await createDevelopmentTdx(options).attest(reportData));
    const acpi = log.filter((event) => Buffer.from(event.eventPayload).toString() === 'ACPI DATA');
    expect(acpi.map(({ imr, eventType, event }) => [imr, eventType, event])).toEqual([
      [0, 10, 'acpi-loader'],
      [0, 10, 'acpi-rsdp'],
      [0, 10, 'acpi-tables'],
    ]);
    const separator = createHash('sha384').update(new Uint8Array(4)).digest();
    expect(log.filter((event) => separator.equals(event.digest)).map((event) => event.imr)).toEqual([0, 1]);
    expect(log.every((event) => event.digest.length === 48)).toBe(true);
  });

  it('measures another image as another image', async () => {
    const one = parts(await createDevelopmentTdx(options).attest(reportData)).report;
    const two = parts(await createDevelopmentTdx({ ...options, imageHash: new Uint8Array(32).fill(0x22) }).attest(reportData)).report;
    expect(two.mrTd).not.toEqual(one.mrTd);
    for (const imr of [0, 1, 2] as const) expect(two.rtmrs[imr]).not.toEqual(one.rtmrs[imr]);
    expect(two.rtmrs[3]).toEqual(one.rtmrs[3]);
  });

  it('names the image in its configuration unless given one', async () => {
    expect((await createDevelopmentTdx(options).attest(reportData)).stack.config).toBe(`{"os_image_hash":"${'11'.repeat(32)}"}`);
    expect((await createDevelopmentTdx({ ...options, vmConfig: '{"cpu_count":1}' }).attest(reportData)).stack.config).toBe('{"cpu_count":1}');
  });

  it.each([
    [1, 'v0'],
    [2, 'v1'],
  ] as const)('travels with version %i events as %s', async (eventVersion, wire) => {
    const attestation = await createDevelopmentTdx({ ...options, eventVersion }).attest(reportData);
    expect(attestation.wire).toBe(wire);
    const decoded = decodeAttestation(encodeAttestation(attestation));
    expect(encodeAttestation(decoded)).toEqual(encodeAttestation(attestation));
    const { report, log } = parts(decoded);
    expect(Buffer.from(replayRtmr(log, 3)).equals(report.rtmrs[3])).toBe(true);
    expect(log.filter((event) => event.imr === 3).every((event) => (event.preimage !== null) === (eventVersion === 2))).toBe(true);
  });
});

describe('its collateral', () => {
  it.each([
    [{ ...collateralRequest, tee: 'sgx' as const }],
    [{ ...collateralRequest, ca: 'processor' as const }],
    [{ ...collateralRequest, fmspc: new Uint8Array(6) }],
  ])('is of the development machine alone', async (request) => {
    const refused = createDevelopmentTdx(options).collateral.getCollateral(request);
    await expect(refused).rejects.toBeInstanceOf(CollateralError);
    await expect(refused).rejects.toMatchObject({ code: 'COLLATERAL_UNAVAILABLE' });
  });

  it('is made once an hour', async () => {
    let now = NOW;
    const { collateral } = createDevelopmentTdx({ ...options, clock: () => now });
    const first = await collateral.getCollateral(collateralRequest);
    expect(await collateral.getCollateral(collateralRequest)).toBe(first);
    now += 3600;
    expect((await collateral.getCollateral(collateralRequest)).tcbInfo).not.toBe(first.tcbInfo);
  });

  it('carries the verdict asked for', async () => {
    const platform = createDevelopmentTdx({ ...options, tcb: { status: 'OutOfDate', advisoryIds: ['INTEL-SA-00002'], revoked: null } });
    const { quote } = parts(await platform.attest(reportData));
    const verdict = verifyQuote(quote, await platform.collateral.getCollateral(collateralRequest), { now: NOW, root: platform.root });
    expect(verdict).toMatchObject({ status: 'OutOfDate', advisoryIds: ['INTEL-SA-00002'] });
  });
});

describe('waiting for a quote', () => {
  it('takes the time asked for, and the log as it is afterwards', async () => {
    const platform = createDevelopmentTdx({ ...options, quoteDelayMs: 50 });
    const started = performance.now();
    const pending = platform.attest(reportData);
    await platform.emitEvent('late', new Uint8Array());
    const attestation = await pending;
    expect(performance.now() - started).toBeGreaterThanOrEqual(45);
    expect(names(attestation).at(-1)).toBe('late');
  });

  it('can be abandoned', async () => {
    const platform = createDevelopmentTdx({ ...options, quoteDelayMs: 60_000 });
    const controller = new AbortController();
    const pending = platform.attest(reportData, controller.signal);
    controller.abort();
    await expect(pending).rejects.toMatchObject({ name: 'AbortError' });
    await expect(platform.attest(reportData, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('arguments of the wrong length', () => {
  it('are TypeErrors', async () => {
    expect(() => createDevelopmentTdx({ ...options, seed: new Uint8Array(16) })).toThrow(TypeError);
    expect(() => createDevelopmentTdx({ ...options, imageHash: new Uint8Array(20) })).toThrow(TypeError);
    expect(() => createDevelopmentTdx({ ...options, app: { ...app, appId: new Uint8Array(19) } })).toThrow(TypeError);
    expect(() => createDevelopmentTdx({ ...options, app: { ...app, composeHash: new Uint8Array(20) } })).toThrow(TypeError);
    expect(() => createDevelopmentTdx({ ...options, app: { ...app, instanceId: new Uint8Array(5) } })).toThrow(TypeError);
    await expect(createDevelopmentTdx(options).attest(new Uint8Array(32))).rejects.toBeInstanceOf(TypeError);
  });
});
