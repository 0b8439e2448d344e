import { spawnSync } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadNative } from '../../src/native/loader.js';
import { expectFailure, scratch } from './addon.js';
import { holdLock } from './hold-lock.js';

const native = loadNative();
const times = { pollIntervalMs: 2, deadlineMs: 2000 };

/** Whether another process can have the lock right now. */
function isFree(path: string): boolean {
  return spawnSync('flock', ['--exclusive', '--nonblock', path, 'true']).status === 0;
}

describe('lockFile', () => {
  test('creates the file for its owner alone and keeps other processes out until released', async () => {
    const path = join(await scratch(), 'lock');
    const lock = await native.lockFile({ path, ...times });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(isFree(path)).toBe(false);
    lock.release();
    expect(isFree(path)).toBe(true);
    lock.release();
  });

  test('is not inherited by child processes', async () => {
    const path = join(await scratch(), 'lock');
    const lock = await native.lockFile({ path, ...times });
    const listing = spawnSync('ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' }).stdout;
    expect(listing).not.toContain(path);
    lock.release();
  });

  test('waits for another process', async () => {
    const path = join(await scratch(), 'lock');
    const release = await holdLock(path);
    let locked = false;
    const pending = native.lockFile({ path, ...times }).then((lock) => {
      locked = true;
      return lock;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(locked).toBe(false);
    await release();
    (await pending).release();
  });

  test('is busy when the deadline passes first, and then holds nothing', async () => {
    const path = join(await scratch(), 'lock');
    const release = await holdLock(path);
    await expectFailure(native.lockFile({ path, pollIntervalMs: 2, deadlineMs: 40 }), 'DEVICE_BUSY', 11);
    await release();
    expect(isFree(path)).toBe(true);
  });

  test('excludes a second holder in the same process', async () => {
    const path = join(await scratch(), 'lock');
    const lock = await native.lockFile({ path, ...times });
    await expectFailure(native.lockFile({ path, pollIntervalMs: 2, deadlineMs: 40 }), 'DEVICE_BUSY', 11);
    lock.release();
  });

  test('release works on locks only', async () => {
    const path = join(await scratch(), 'lock');
    const lock = await native.lockFile({ path, ...times });
    const release = Object.getPrototypeOf(lock).release as (this: unknown) => void;
    expect(() => release.call({})).toThrow(TypeError);
    expect(() => release.call(Object.create(Object.getPrototypeOf(lock)))).toThrow(TypeError);
    expect(isFree(path)).toBe(false);
    lock.release();
  });

  test('an instance made by hand holds nothing and releases nothing', async () => {
    const path = join(await scratch(), 'lock');
    const lock = await native.lockFile({ path, ...times });
    const Made = lock.constructor as new () => typeof lock;
    new Made().release();
    expect(isFree(path)).toBe(false);
    lock.release();
  });
});
