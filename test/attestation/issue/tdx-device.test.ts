import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseCcel } from '../../../src/attestation/event-log/ccel.js';
import { replayRtmr } from '../../../src/attestation/event-log/replay.js';
import { formatRuntimeLogLine } from '../../../src/attestation/event-log/runtime-log.js';
import type { Attestation } from '../../../src/attestation/evidence/attestation.js';
import type { EvidenceSource } from '../../../src/attestation/evidence/evidence-source.js';
import { TDX_TIMES, createTdxEvidenceSource, type TdxPaths } from '../../../src/attestation/issue/tdx-device.js';
import { parseQuote } from '../../../src/attestation/tdx/quote.js';
import { decodeAttestation, encodeAttestation } from '../../../src/attestation/wire/decode.js';
import type { NativeBinding, QgsExchangeRequest } from '../../../src/native/binding.js';
import { loadNative } from '../../../src/native/loader.js';
import { scratch } from '../../native/addon.js';
import { makeEntry, serveEntry } from '../../native/tsm-entry.js';

const vector = (name: string): URL => new URL(`../../vectors/${name}`, import.meta.url);
const RTMR3_OFFSET = 48 + 472;
const REPORT_DATA_OFFSET = 568;
const reportData = Uint8Array.from({ length: 64 }, (_, i) => 200 - i);
const real = loadNative();

let recorded: Attestation;
let template: Buffer;

beforeAll(async () => {
  // A quote of real hardware, with the run-time events its RTMR3 stands for.
  recorded = decodeAttestation(await readFile(vector('guest-agent/attestation.bin')));
  if (recorded.platform.kind !== 'tdx') throw new Error('not a TDX vector');
  template = Buffer.from(recorded.platform.quote);
});

/** Files of a TDX machine. Nobody is behind the TSM entry yet. */
async function makePaths({ version = '1', ccel = true } = {}): Promise<TdxPaths> {
  const root = await scratch();
  const events = join(root, 'log');
  await mkdir(events);
  await writeFile(join(events, 'version'), version);
  if (ccel) await writeFile(join(root, 'CCEL'), await readFile(vector('eventlog/ccel.bin')));
  await makeEntry(join(root, 'tsm', 'com.intel.dcap'));
  await mkdir(join(root, 'measurements'));
  await writeFile(join(root, 'measurements', 'rtmr3:sha384'), '');
  return {
    tsm: { base: join(root, 'tsm'), entryName: 'com.intel.dcap', override: null },
    tdxGuest: join(root, 'tdx_guest'),
    qgsConfig: join(root, 'tdx-attest.conf'),
    rtmrSysfs: join(root, 'measurements'),
    rtmrSysfsOverride: null,
    ccel: join(root, 'CCEL'),
    runtimeEvents: { log: join(events, 'events'), version: join(events, 'version'), lock: join(events, 'lock') },
  };
}

/** A TDX module: one RTMR3, and quotes that show it. Locks are real. */
function tdxModule(duringQuote: (n: number) => Promise<void> = async () => {}) {
  let rtmr3: Uint8Array = new Uint8Array(48);
  let active = 0;
  const state = { quotes: 0, mostAtOnce: 0 };
  const native: NativeBinding = {
    ...real,
    sysfsExtendRtmr: async ({ digest }) => {
      rtmr3 = createHash('sha384').update(rtmr3).update(digest).digest();
      return null;
    },
    tsmQuote: async (request) => {
      state.mostAtOnce = Math.max(state.mostAtOnce, ++active);
      const quote = Uint8Array.from(template);
      quote.set(rtmr3, RTMR3_OFFSET);
      quote.set(request.reportData, REPORT_DATA_OFFSET);
      await duringQuote(++state.quotes);
      active--;
      return quote;
    },
  };
  return { native, state };
}

function sourceOf(native: NativeBinding, paths: TdxPaths, maxWaiting = 16): EvidenceSource {
  return createTdxEvidenceSource({ native, paths, times: { ...TDX_TIMES, busyWaitMs: 5, pollIntervalMs: 2, lockDeadlineMs: 2000 }, config: '{"vm":1}', maxWaiting });
}

async function emit(source: EvidenceSource, event: string, payload: Uint8Array = new Uint8Array(0)): Promise<void> {
  if (source.emitEvent === null) throw new Error('no emitEvent');
  await source.emitEvent(event, payload);
}

describe('the TDX evidence source', () => {
  test('quotes through the addon and joins the boot log and the recorded run-time events', async () => {
    const paths = await makePaths();
    const file = join(await scratch(), 'template');
    await writeFile(file, template);
    await serveEntry({ template: file }, join(paths.tsm.base, paths.tsm.entryName));
    await writeFile(paths.runtimeEvents.log, recorded.stack.runtimeEvents.map(formatRuntimeLogLine).join(''));
    const attestation = await sourceOf(real, paths).attest(reportData);
    if (attestation.platform.kind !== 'tdx') throw new Error('not TDX');
    expect(attestation.wire).toBe('v0');
    const quote = parseQuote(attestation.platform.quote);
    expect(Buffer.from(quote.report.reportData)).toEqual(Buffer.from(reportData));
    expect(attestation.stack).toMatchObject({ kind: 'dstack', config: '{"vm":1}', reportDataPayload: null });
    expect(attestation.stack.runtimeEvents).toEqual(recorded.stack.runtimeEvents);
    const boot = parseCcel(await readFile(vector('eventlog/ccel.bin')));
    expect(attestation.platform.eventLog.slice(0, boot.length)).toEqual(boot);
    expect(Buffer.from(replayRtmr(attestation.platform.eventLog, 3))).toEqual(template.subarray(RTMR3_OFFSET, RTMR3_OFFSET + 48));
    expect(decodeAttestation(encodeAttestation(attestation)).stack.runtimeEvents).toEqual(recorded.stack.runtimeEvents);
  });

  test('an event emitted is in the next attestation, measured and logged', async () => {
    const source = sourceOf(tdxModule().native, await makePaths());
    await emit(source, 'app-id', Uint8Array.of(1, 2));
    await emit(source, 'system-ready');
    const { stack, wire } = await source.attest(reportData);
    expect(wire).toBe('v0');
    expect(stack.runtimeEvents).toEqual([
      { event: 'app-id', payload: Uint8Array.of(1, 2), version: 1 },
      { event: 'system-ready', payload: new Uint8Array(0), version: 1 },
    ]);
  });

  test('V2 events travel in V1, with digest and preimage', async () => {
    const source = sourceOf(tdxModule().native, await makePaths({ version: '2' }));
    await emit(source, 'compose-hash', Buffer.from('abcd', 'hex'));
    const attestation = await source.attest(reportData);
    expect(attestation.wire).toBe('v1');
    if (attestation.platform.kind !== 'tdx') throw new Error('not TDX');
    const last = attestation.platform.eventLog.at(-1);
    expect(Buffer.from(last?.preimage ?? '', 'hex').toString()).toBe('{"name":"compose-hash","payload":"abcd","type":134217729}');
    expect(Buffer.from(last?.digest ?? [])).toEqual(createHash('sha384').update(Buffer.from(last?.preimage ?? '', 'hex')).digest());
  });

  test('an event that comes between quote and log is met with a second quote under the lock', async () => {
    const paths = await makePaths();
    const { native, state } = tdxModule(async (n) => {
      if (n === 1) await emit(other, 'late');
    });
    const other = sourceOf(native, paths);
    const { stack } = await sourceOf(native, paths).attest(reportData);
    expect(state.quotes).toBe(2);
    expect(stack.runtimeEvents.map(({ event }) => event)).toEqual(['late']);
  });

  test('a register that was extended behind the log’s back makes no attestation', async () => {
    const { native } = tdxModule();
    await native.sysfsExtendRtmr({ directory: '/', index: 3, digest: new Uint8Array(48), deadlineMs: 1 });
    await expect(sourceOf(native, await makePaths()).attest(reportData)).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
  });

  test('a quote about other report data makes no attestation', async () => {
    const { native } = tdxModule();
    const tsmQuote: NativeBinding['tsmQuote'] = (request) => native.tsmQuote({ ...request, reportData: new Uint8Array(64) });
    await expect(sourceOf({ ...native, tsmQuote }, await makePaths()).attest(reportData)).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
  });

  test('something that is no quote makes no attestation', async () => {
    const native: NativeBinding = { ...real, tsmQuote: async () => new Uint8Array(2000) };
    await expect(sourceOf(native, await makePaths()).attest(reportData)).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
  });

  test('quotes are made one at a time', async () => {
    const { native, state } = tdxModule(() => new Promise((resolve) => setTimeout(resolve, 3)));
    const source = sourceOf(native, await makePaths());
    await Promise.all(Array.from({ length: 8 }, () => source.attest(reportData)));
    expect(state).toEqual({ quotes: 8, mostAtOnce: 1 });
  });

  test('more requests than may wait are refused as busy', async () => {
    const { native } = tdxModule(() => new Promise((resolve) => setTimeout(resolve, 20)));
    const source = sourceOf(native, await makePaths(), 2);
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => source.attest(reportData)));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected']);
    expect(outcomes[4]).toMatchObject({ reason: { code: 'DEVICE_BUSY' } });
  });

  test('a caller that leaves is let go while the device works on', async () => {
    const { native } = tdxModule(() => new Promise((resolve) => setTimeout(resolve, 50)));
    const source = sourceOf(native, await makePaths());
    const controller = new AbortController();
    const pending = source.attest(reportData, controller.signal);
    setTimeout(() => controller.abort(), 5);
    await expect(pending).rejects.toMatchObject({ code: 'DEVICE_TIMEOUT' });
    await expect(source.attest(reportData)).resolves.toMatchObject({ wire: 'v0' });
  });

  test('report data of another length is a mistake of the caller', async () => {
    await expect(sourceOf(tdxModule().native, await makePaths()).attest(new Uint8Array(32))).rejects.toBeInstanceOf(TypeError);
  });

  test('a machine without boot log, or without configfs-tsm, has no device', async () => {
    const { native } = tdxModule();
    await expect(sourceOf(native, await makePaths({ ccel: false })).attest(reportData)).rejects.toMatchObject({ code: 'DEVICE_ABSENT' });
    const paths = await makePaths();
    const source = sourceOf(native, { ...paths, tsm: { ...paths.tsm, base: '/nowhere' } });
    await expect(source.attest(reportData)).rejects.toMatchObject({ code: 'DEVICE_ABSENT' });
  });

  test('without configfs-tsm the host’s quote generation service is asked for a quote over the report', async () => {
    const paths = await makePaths();
    await writeFile(paths.qgsConfig, '# where the service listens\nport = 4050\n');
    const asked: QgsExchangeRequest[] = [];
    const native: NativeBinding = {
      ...tdxModule().native,
      tdxReport: async ({ devicePath, reportData: bound }) => {
        expect(devicePath).toBe(paths.tdxGuest);
        const report = new Uint8Array(1024);
        report.set(bound, 128);
        return report;
      },
      qgsExchange: async (request) => {
        asked.push(request);
        const quote = Buffer.from(template);
        quote.fill(0, RTMR3_OFFSET, RTMR3_OFFSET + 48).set(request.message.subarray(24 + 128, 24 + 192), REPORT_DATA_OFFSET);
        const head = Buffer.alloc(24);
        head.writeUInt32LE(1, 4);
        head.writeUInt32LE(quote.length, 20);
        return Buffer.concat([head, quote]);
      },
    };
    const { platform } = await sourceOf(native, { ...paths, tsm: { ...paths.tsm, base: '/nowhere' } }).attest(reportData);
    expect(asked).toMatchObject([{ cid: 2, port: 4050 }]);
    expect(platform.kind === 'tdx' && Buffer.from(parseQuote(platform.quote).report.reportData)).toEqual(Buffer.from(reportData));
  });

  test('a boot log that cannot be read makes no attestation', async () => {
    const paths = await makePaths();
    await writeFile(paths.ccel, 'no event log');
    await expect(sourceOf(tdxModule().native, paths).attest(reportData)).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
  });
});
