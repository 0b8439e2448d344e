import { execFile, spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

// The npm package as a user gets it, with the binaries of one run of the script that makes them.

const run = promisify(execFile);
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const MINUTES = 60_000;
const MACHINES: Readonly<Record<string, string>> = { x64: 'X86-64', arm64: 'AArch64' };
const CROSS: Readonly<Record<string, string>> = { x64: 'x86_64-linux-gnu-g++', arm64: 'aarch64-linux-gnu-g++' };

const canBuild = (arch: string): boolean => arch === process.arch || spawnSync(CROSS[arch] ?? '', ['--version']).status === 0;
const architectures = Object.keys(MACHINES).filter(canBuild);

let folder = '';
let installed = '';

/** What the addon's loader says in the installed package: where it found the addon, and what that offers. */
async function load(): Promise<{ readonly path: string; readonly operations: readonly string[] }> {
  const script = `import { defaultAddonPath } from './dist/src/native/addon-path.js';
    import { loadNative } from './dist/src/native/loader.js';
    process.stdout.write(JSON.stringify({ path: defaultAddonPath(), operations: Object.keys(loadNative()) }));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: installed });
  return JSON.parse(stdout) as { readonly path: string; readonly operations: readonly string[] };
}

const addonOf = (arch: string): string => join(installed, 'prebuilds', `linux-${arch}`, 'dstack_native.node');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'package-'));
  // Packed from a copy: binaries in the checkout would be what other tests load.
  const stage = join(folder, 'stage');
  const { files } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { readonly files: readonly string[] };
  for (const name of ['package.json', ...files.filter((file) => file !== 'prebuilds' && !file.startsWith('!'))]) await cp(join(root, name), join(stage, name), { recursive: true });
  await run(process.execPath, [join(root, 'scripts/prebuild-native.mjs'), '--out', join(stage, 'prebuilds'), ...architectures]);
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: stage, maxBuffer: 1 << 24 });
  await run('tar', ['-xzf', `${folder}/dstack-node-0.1.0.tgz`, '-C', folder]);
  installed = join(folder, 'package');
  // Its dependencies, as npm would install them.
  await symlink(join(root, 'node_modules'), join(installed, 'node_modules'));
}, 5 * MINUTES);

afterAll(() => rm(folder, { recursive: true, force: true }));

describe.each(Object.keys(MACHINES))('the prebuilt addon for linux-%s', (arch) => {
  test('is for that machine, and needs of Node nothing but Node-API', async ({ skip }) => {
    if (!canBuild(arch)) return skip(`${CROSS[arch]} is not installed`);
    const header = (await run('readelf', ['-h', addonOf(arch)])).stdout;
    expect(header).toContain(MACHINES[arch]);
    const symbols = (await run('readelf', ['--dyn-syms', '-W', addonOf(arch)])).stdout.split('\n');
    const undefinedOnes = symbols.filter((line) => / UND \S/.test(line)).map((line) => / UND (\S+)/.exec(line)?.[1] ?? '');
    const libraries = /@(GLIBC|GLIBCXX|CXXABI|GCC)_/;
    const others = undefinedOnes.filter((name) => !libraries.test(name) && !/^(__gmon_start__|_ITM_(de)?registerTMCloneTable)$/.test(name));
    expect(others.length).toBeGreaterThan(30);
    expect(others.filter((name) => !/^napi_[a-z_0-9]+$/.test(name))).toEqual([]);
    return undefined;
  });

  test('names no folder of the machine it was built on', async ({ skip }) => {
    if (!canBuild(arch)) return skip(`${CROSS[arch]} is not installed`);
    const bytes = await readFile(addonOf(arch));
    expect(bytes.includes(root)).toBe(false);
    return undefined;
  });
});

test('the installed package loads the prebuilt addon, and installs without building', async () => {
  const { stderr } = await run(process.execPath, ['scripts/install-native.mjs'], { cwd: installed });
  expect(stderr).toBe('');
  const { path, operations } = await load();
  expect(path).toBe(addonOf(process.arch));
  expect(operations).toContain('openTpm');
});

test('without a prebuilt addon it builds its own, byte for byte the same, with no network', async ({ skip }) => {
  const prebuilt = await readFile(addonOf(process.arch));
  await rm(join(installed, 'prebuilds'), { recursive: true });
  // No interface but loopback, where the system lets a user have that.
  const isolated = spawnSync('unshare', ['-rn', 'true']).status === 0;
  const [command, args] = isolated ? ['unshare', ['-rn', process.execPath, 'scripts/install-native.mjs']] : [process.execPath, ['scripts/install-native.mjs']];
  await run(command as string, args as string[], { cwd: installed });
  const { path } = await load();
  expect(path).toBe(join(installed, `build/native/linux-${process.arch}/dstack_native.node`));
  expect((await readFile(path)).equals(prebuilt)).toBe(true);
  if (!isolated) skip('built, but this system does not let a test take the network away');
}, 5 * MINUTES);

test('without either it says how to get one', async () => {
  await rm(join(installed, 'build'), { recursive: true, force: true });
  await mkdir(join(installed, 'build'));
  await expect(load()).rejects.toMatchObject({ stderr: expect.stringContaining('NATIVE_MODULE_MISSING') as string });
});
