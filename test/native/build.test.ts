import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { scratch } from './addon.js';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const SOURCE = `#include <napi.h>
#include "answer.h"
static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("answer", Napi::Number::New(env, kAnswer));
  return exports;
}
NODE_API_MODULE(tiny, Init)
`;

/** A package with the build script of this one and one small source file. */
async function tinyPackage(source = SOURCE): Promise<string> {
  const folder = await scratch();
  for (const name of ['scripts', 'native/src']) await mkdir(join(folder, name), { recursive: true });
  for (const name of ['build-native.mjs', 'native-compile.mjs']) await copyFile(join(root, 'scripts', name), join(folder, 'scripts', name));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  await writeFile(join(folder, 'native/src/tiny.cc'), source);
  await writeFile(join(folder, 'native/src/answer.h'), '#pragma once\nconstexpr int kAnswer = 41;\n');
  return folder;
}

function build(folder: string, env: Readonly<Record<string, string>> = {}): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  return spawnSync(process.execPath, [join(folder, 'scripts/build-native.mjs')], { env: { ...process.env, ...env }, encoding: 'utf8' });
}

const output = (folder: string): string => join(folder, `build/native/${process.platform}-${process.arch}/dstack_native.node`);

describe('scripts/build-native.mjs', () => {
  test('builds, keeps what is current, and rebuilds when a header changes', async () => {
    const folder = await tinyPackage();
    const first = build(folder);
    expect(first).toMatchObject({ status: 0, stdout: '' });
    expect(createRequire(import.meta.url)(output(folder))).toEqual({ answer: 41 });
    const { mtimeMs } = await stat(output(folder));
    expect(build(folder)).toMatchObject({ status: 0, stderr: '' });
    expect((await stat(output(folder))).mtimeMs).toBe(mtimeMs);
    const soon = new Date(Date.now() + 2000);
    await utimes(join(folder, 'native/src/answer.h'), soon, soon);
    expect(build(folder).status).toBe(0);
    expect((await stat(output(folder))).mtimeMs).toBeGreaterThan(mtimeMs);
  });

  test('without a compiler says what to install', async () => {
    const missing = build(await tinyPackage(), { CXX: '', PATH: '/nowhere' });
    expect(missing.status).toBe(1);
    expect(missing.stderr).toContain('g++');
    const wrong = build(await tinyPackage(), { CXX: '/nowhere/c++' });
    expect(wrong.status).toBe(1);
    expect(wrong.stderr).toContain('/nowhere/c++');
  });

  test('a warning ends the build, and leaves no addon behind', async () => {
    const folder = await tinyPackage(`${SOURCE}static int Unused() { return 1; }\n`);
    const failed = build(folder);
    expect(failed.status).toBe(1);
    expect(failed.stderr).toContain('unused-function');
    await expect(stat(output(folder))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
