import { createHash } from 'node:crypto';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createRuntimeEventLog, type RuntimeEventLog, type RuntimeEventPaths } from '../../../src/attestation/issue/runtime-events.js';
import { asTdxEvent } from '../../../src/attestation/event-log/runtime-event.js';
import { encodeAttestation, wireFor } from '../../../src/attestation/wire/decode.js';
import { MAX_ATTESTATION_BYTES } from '../../../src/attestation/wire/limits.js';
import { replayRuntimeEvents } from '../../../src/attestation/event-log/replay.js';
import { EvidenceSourceError } from '../../../src/errors/evidence-source-error.js';
import { loadNative } from '../../../src/native/loader.js';
import { scratch } from '../../native/addon.js';
import { holdLock } from '../../native/hold-lock.js';

const native = loadNative();

interface Machine {
  readonly paths: RuntimeEventPaths;
  readonly log: RuntimeEventLog;
  /** Digests the register was extended with. */
  readonly digests: Uint8Array[];
  readonly register: () => Uint8Array;
  refuse: Error | null;
}

async function machine({ version = '1', lockDeadlineMs = 2000, delayMs = 0 } = {}): Promise<Machine> {
  const folder = await scratch();
  const paths = { log: join(folder, 'runtime_events.log'), version: join(folder, 'runtime_event_version'), lock: join(folder, 'runtime_event.lock') };
  if (version !== '') await writeFile(paths.version, version);
  let register: Uint8Array = new Uint8Array(48);
  const made: Machine = {
    paths,
    digests: [],
    refuse: null,
    register: () => register,
    log: createRuntimeEventLog({
      native,
      paths,
      lockDeadlineMs,
      turnDeadlineMs: 5000,
      maxWaiting: 64,
      extend: async (digest) => {
        if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
        if (made.refuse !== null) throw made.refuse;
        made.digests.push(digest);
        register = createHash('sha384').update(register).update(digest).digest();
      },
    }),
  };
  return made;
}

const text = (path: string): Promise<string> => readFile(path, 'utf8');

describe('run-time events', () => {
  test('a V1 event extends the register with its SHA-384 digest, then stands in the log', async () => {
    const { log, paths, digests } = await machine();
    await log.emit('app-id', Buffer.from('deadbeef', 'hex'));
    // spec/attestation.md section 2.3
    expect(Buffer.from(digests[0] ?? []).toString('hex')).toBe('67b4be4efed0893cfa2bb1d35dca209ad8348b4c97f980807bcde8b9a0f26398dd0923d6eccb5aa2096d98046da8740f');
    expect(await text(paths.log)).toBe('{"event":"app-id","payload":"3q2+7w=="}\n');
    expect((await stat(paths.log)).mode & 0o777).toBe(0o600);
  });

  test('a V2 event says so', async () => {
    const { log, paths, digests } = await machine({ version: '2' });
    await log.emit('app-id', Buffer.from('deadbeef', 'hex'));
    expect(Buffer.from(digests[0] ?? []).toString('hex')).toBe('baf3bcd15a9ffbd5d96a054080db0d029d44a88cdb7ea9f9ca5953bf7a1d8d91f9a16c6de05de1034f41295e8cec53dc');
    expect(await text(paths.log)).toBe('{"event":"app-id","payload":"3q2+7w==","version":2}\n');
  });

  test('many at once, from two logs on the same files, keep register and log in step', async () => {
    const first = await machine({ delayMs: 1 });
    let register: Uint8Array = new Uint8Array(48);
    const extend = async (digest: Uint8Array): Promise<void> => {
      const before = register;
      await new Promise((resolve) => setImmediate(resolve));
      register = createHash('sha384').update(before).update(digest).digest();
    };
    const logs = [1, 2].map(() => createRuntimeEventLog({ native, paths: first.paths, extend, lockDeadlineMs: 5000, turnDeadlineMs: 10_000, maxWaiting: 64 }));
    await Promise.all(logs.flatMap((log, i) => Array.from({ length: 10 }, (_, j) => log.emit(`event-${i}`, Uint8Array.of(j)))));
    const events = await first.log.read();
    expect(events).toHaveLength(20);
    expect(Buffer.from(replayRuntimeEvents(events, 'sha384'))).toEqual(Buffer.from(register));
    expect(events.filter(({ event }) => event === 'event-1').map(({ payload }) => payload[0])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test('no log yet is an empty log', async () => {
    expect(await (await machine()).log.read()).toEqual([]);
  });

  test('what the register refuses is not logged', async () => {
    const made = await machine();
    made.refuse = new EvidenceSourceError('DEVICE_FAILED', 'no');
    await expect(made.log.emit('app-id', Uint8Array.of(1))).rejects.toBe(made.refuse);
    expect(await made.log.read()).toEqual([]);
    made.refuse = null;
    await made.log.emit('app-id', Uint8Array.of(1));
    expect(await made.log.read()).toHaveLength(1);
  });

  test.each([
    ['missing', '', 'DEVICE_ABSENT'],
    ['of another kind', '3', 'DEVICE_FAILED'],
    ['empty', ' ', 'DEVICE_FAILED'],
    ['too long', '1'.repeat(100), 'DEVICE_FAILED'],
  ])('nothing is measured while the version file is %s', async (_, version, code) => {
    const { log, digests } = await machine({ version });
    await expect(log.emit('app-id', Uint8Array.of(1))).rejects.toMatchObject({ code });
    expect(digests).toEqual([]);
  });

  test('nothing is measured when the log cannot be written or read', async () => {
    const unreadable = await machine();
    await mkdir(unreadable.paths.log);
    await expect(unreadable.log.emit('app-id', Uint8Array.of(1))).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
    const spoiled = await machine();
    await writeFile(spoiled.paths.log, 'not json\n');
    await expect(spoiled.log.emit('app-id', Uint8Array.of(1))).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
    await expect(spoiled.log.read()).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
    expect([...unreadable.digests, ...spoiled.digests]).toEqual([]);
  });

  test('a log whose last line lost its end is continued on a new line', async () => {
    const { log, paths } = await machine();
    await writeFile(paths.log, '{"event":"a","payload":""}');
    await log.emit('b', new Uint8Array(0));
    expect(await text(paths.log)).toBe('{"event":"a","payload":""}\n{"event":"b","payload":""}\n');
  });

  test('nothing is measured when the log is full', async () => {
    const { log, paths, digests } = await machine();
    await writeFile(paths.log, '{"event":"a","payload":""}\n'.repeat(8191));
    await log.emit('last', new Uint8Array(0));
    await expect(log.emit('one too many', new Uint8Array(0))).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    expect(digests).toHaveLength(1);
    const large = await machine();
    await expect(large.log.emit('large', new Uint8Array(4 * 1024 * 1024))).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    expect(large.digests).toEqual([]);
  });

  test.each(['1', '2'] as const)('however an application fills a log of V%s events, the evidence with it can still travel', async (version) => {
    const { log } = await machine({ version });
    const fill = async (name: string, payload: Uint8Array): Promise<void> => {
      for (;;) await log.emit(name, payload);
    };
    // Control characters take six characters each in JSON, and those twice as many in the hex of a preimage.
    await expect(fill('\u0001'.repeat(20_000), new Uint8Array(300_000))).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    await expect(fill('small', new Uint8Array(1000))).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    const events = await log.read();
    const eventLog = events.map((event) => asTdxEvent(event, { withPreimage: true }));
    const encoded = encodeAttestation({
      wire: wireFor(events),
      platform: { kind: 'tdx', quote: new Uint8Array(8192).fill(0xff), eventLog },
      stack: { kind: 'dstack', reportData: new Uint8Array(64), runtimeEvents: events, config: '', reportDataPayload: null },
    });
    // Room for a boot log: the recorded one has 64 KiB.
    expect(encoded.length).toBeLessThan(MAX_ATTESTATION_BYTES - 262_144);
  });

  test('a name that is not Unicode is refused', async () => {
    await expect((await machine()).log.emit('\ud800', new Uint8Array(0))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('waits for another process that holds the lock, and gives up when that takes too long', async () => {
    const { log, paths, digests } = await machine({ lockDeadlineMs: 60 });
    const release = await holdLock(paths.lock);
    await expect(log.emit('app-id', Uint8Array.of(1))).rejects.toMatchObject({ code: 'DEVICE_BUSY' });
    expect(digests).toEqual([]);
    await release();
    await log.emit('app-id', Uint8Array.of(1));
    expect(digests).toHaveLength(1);
  });

  test('the lock is free again after a failure', async () => {
    const made = await machine({ lockDeadlineMs: 100 });
    made.refuse = new EvidenceSourceError('DEVICE_FAILED', 'no');
    await expect(made.log.emit('a', Uint8Array.of(1))).rejects.toBe(made.refuse);
    const lock = await native.lockFile({ path: made.paths.lock, pollIntervalMs: 1, deadlineMs: 100 });
    lock.release();
  });
});
