import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { EvidenceSourceError } from '../../src/errors/evidence-source-error.js';
import { NativeModuleError } from '../../src/errors/native-module-error.js';
import { defaultAddonPath } from '../../src/native/addon-path.js';
import { fromNativeError, loadNative } from '../../src/native/loader.js';
import { scratch } from './addon.js';

function thrown(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return null;
}

describe('loadNative', () => {
  test('an addon that was never built is named, with the command that builds it', async () => {
    const error = thrown(() => loadNative('/nowhere/dstack_native.node'));
    expect(error).toBeInstanceOf(NativeModuleError);
    expect(error).toMatchObject({ code: 'NATIVE_MODULE_MISSING' });
    expect((error as Error).message).toContain('npm run build:native');
  });

  test('a file that is no addon is refused', async () => {
    const path = join(await scratch(), 'dstack_native.node');
    await writeFile(path, 'not an ELF file');
    expect(thrown(() => loadNative(path))).toMatchObject({ code: 'NATIVE_MODULE_INVALID' });
  });

  test('a module that lacks an operation is refused at once', async () => {
    const folder = join(await scratch(), 'old');
    await mkdir(folder);
    await writeFile(join(folder, 'index.js'), 'exports.tsmQuote = () => null;');
    expect(thrown(() => loadNative(join(folder, 'index.js')))).toMatchObject({ code: 'NATIVE_MODULE_INVALID' });
  });

  test('loads in several threads of one process', async () => {
    const script = `const { parentPort, workerData } = require('node:worker_threads');
      const addon = require(workerData);
      addon.lockFile({ path: '/nowhere/lock', pollIntervalMs: 1, deadlineMs: 10 }).catch((error) => parentPort.postMessage(error.code));`;
    const workers = [1, 2].map(() => new Worker(script, { eval: true, workerData: defaultAddonPath() }));
    const answers = await Promise.all(workers.map((worker) => once(worker, 'message')));
    expect(answers.flat()).toEqual(['DEVICE_ABSENT', 'DEVICE_ABSENT']);
  });

  test('a thread that ends while operations run takes nothing down', async () => {
    const script = `const { parentPort, workerData } = require('node:worker_threads');
      const addon = require(workerData.addon);
      addon.lockFile({ path: workerData.lock, pollIntervalMs: 1, deadlineMs: 100 });
      addon.lockFile({ path: '/nowhere/lock', pollIntervalMs: 1, deadlineMs: 100 }).catch(() => {});
      addon.tdxReport({ devicePath: '/dev/null', reportData: new Uint8Array(64), deadlineMs: 100 }).catch(() => {});
      addon.openTpm({ devicePath: '/dev/null', deadlineMs: 100 }).then((tpm) => tpm.transceive({ command: new Uint8Array(10), deadlineMs: 100 })).catch(() => {});
      parentPort.postMessage('started');`;
    const folder = await scratch();
    for (let i = 0; i < 10; i++) {
      const worker = new Worker(script, { eval: true, workerData: { addon: defaultAddonPath(), lock: join(folder, `lock-${i}`) } });
      await once(worker, 'message');
      // undefined when it has come to its own end already.
      expect([undefined, 0, 1]).toContain(await worker.terminate());
    }
  });
});

describe('fromNativeError', () => {
  test('turns codes into EvidenceSourceError and leaves everything else alone', () => {
    const native = Object.assign(new Error('no'), { code: 'DEVICE_BUSY', errno: 16 });
    const converted = fromNativeError(native);
    expect(converted).toBeInstanceOf(EvidenceSourceError);
    expect(converted).toMatchObject({ code: 'DEVICE_BUSY', cause: native });
    const unknownCode = Object.assign(new Error('no'), { code: 'ENOENT' });
    for (const other of [unknownCode, new TypeError('argument'), 'text', null]) expect(fromNativeError(other)).toBe(other);
  });
});
