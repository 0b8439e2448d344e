import { describe, expect, test } from 'vitest';
import { createSerialQueue } from '../../../src/attestation/issue/serial-queue.js';
import { EvidenceSourceError } from '../../../src/errors/evidence-source-error.js';

const patient = { deadlineMs: 5000, signal: null, waitsFor: 'result' } as const;

/** A task that runs until told. */
function manual(name: string, log: string[]): { readonly task: () => Promise<string>; readonly finish: () => void } {
  let finish: () => void = () => {};
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  return {
    finish,
    task: async () => {
      log.push(`${name} begins`);
      await done;
      log.push(`${name} ends`);
      return name;
    },
  };
}

async function failureOf(pending: Promise<unknown>): Promise<unknown> {
  return pending.then(
    () => null,
    (error: unknown) => error,
  );
}

describe('serial queue', () => {
  test('runs one task at a time, in order, and hands on results and errors', async () => {
    const queue = createSerialQueue({ maxWaiting: 10 });
    const log: string[] = [];
    const first = manual('a', log);
    const second = manual('b', log);
    const boom = new Error('boom');
    const results = [queue.run(first.task, patient), queue.run(second.task, patient), queue.run(() => Promise.reject(boom), patient), queue.run(async () => 'd', patient)];
    second.finish();
    await new Promise((resolve) => setImmediate(resolve));
    expect(log).toEqual(['a begins']);
    first.finish();
    expect(await Promise.all(results.map((result) => result.catch((error: unknown) => error)))).toEqual(['a', 'b', boom, 'd']);
    expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
  });

  test('refuses what exceeds its length, and takes again once there is room', async () => {
    const queue = createSerialQueue({ maxWaiting: 1 });
    const log: string[] = [];
    const [a, b, d] = ['a', 'b', 'd'].map((name) => manual(name, log)) as [ReturnType<typeof manual>, ReturnType<typeof manual>, ReturnType<typeof manual>];
    const running = queue.run(a.task, patient);
    const waiting = queue.run(b.task, patient);
    const refused = await failureOf(queue.run(async () => 'c', patient));
    expect(refused).toBeInstanceOf(EvidenceSourceError);
    expect(refused).toMatchObject({ code: 'DEVICE_BUSY' });
    a.finish();
    await running;
    const later = queue.run(d.task, patient);
    b.finish();
    d.finish();
    expect(await Promise.all([waiting, later])).toEqual(['b', 'd']);
  });

  test('with no places, a free queue still takes one', async () => {
    const queue = createSerialQueue({ maxWaiting: 0 });
    expect(await queue.run(async () => 1, patient)).toBe(1);
    expect(await queue.run(async () => 2, patient)).toBe(2);
  });

  test('a deadline in the queue frees the place, and the task never runs', async () => {
    const queue = createSerialQueue({ maxWaiting: 1 });
    const log: string[] = [];
    const a = manual('a', log);
    const b = manual('b', log);
    const running = queue.run(a.task, patient);
    expect(await failureOf(queue.run(b.task, { ...patient, deadlineMs: 20 }))).toMatchObject({ code: 'DEVICE_TIMEOUT' });
    const next = queue.run(async () => 'c', patient);
    a.finish();
    expect(await Promise.all([running, next])).toEqual(['a', 'c']);
    expect(log).toEqual(['a begins', 'a ends']);
  });

  test('an abandoned task that runs keeps its turn until it is over', async () => {
    const queue = createSerialQueue({ maxWaiting: 1 });
    const log: string[] = [];
    const a = manual('a', log);
    const controller = new AbortController();
    const abandoned = failureOf(queue.run(a.task, { ...patient, signal: controller.signal }));
    const reason = new Error('client left');
    controller.abort(reason);
    expect(await abandoned).toMatchObject({ code: 'DEVICE_TIMEOUT', cause: reason });
    let ran = false;
    const next = queue.run(async () => {
      ran = true;
    }, patient);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(ran).toBe(false);
    a.finish();
    await next;
    expect(ran).toBe(true);
  });

  test('a signal that has aborted already is refused before anything runs', async () => {
    const queue = createSerialQueue({ maxWaiting: 1 });
    let ran = false;
    const task = async (): Promise<void> => {
      ran = true;
    };
    expect(await failureOf(queue.run(task, { ...patient, signal: AbortSignal.abort() }))).toMatchObject({ code: 'DEVICE_TIMEOUT' });
    expect(ran).toBe(false);
  });

  test('a caller that waits for its turn only is not let go once its task runs', async () => {
    const queue = createSerialQueue({ maxWaiting: 1 });
    const log: string[] = [];
    const a = manual('a', log);
    const controller = new AbortController();
    const running = queue.run(a.task, { deadlineMs: 20, signal: controller.signal, waitsFor: 'turn' });
    const waiting = failureOf(queue.run(async () => 'b', { deadlineMs: 20, signal: null, waitsFor: 'turn' }));
    expect(await waiting).toMatchObject({ code: 'DEVICE_TIMEOUT' });
    controller.abort();
    a.finish();
    expect(await running).toBe('a');
  });

  test('a task that throws instead of rejecting does not stop the queue', async () => {
    const queue = createSerialQueue({ maxWaiting: 1 });
    const boom = new Error('boom');
    const failing = (): Promise<never> => {
      throw boom;
    };
    expect(await failureOf(queue.run(failing, patient))).toBe(boom);
    expect(await queue.run(async () => 'next', patient)).toBe('next');
  });
});
