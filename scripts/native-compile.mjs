// How the native addon is compiled: flags, and one incremental build per target (docs/decisions/0003-native-build.md).
// Headers come from the packages node-api-headers and node-addon-api, so neither Node's own headers nor a network are needed.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const self = fileURLToPath(import.meta.url);
export const root = dirname(dirname(self));
const sources = join(root, 'native', 'src');
const ADDON = 'dstack_native.node';

const FLAGS = [
  '-std=c++17', '-O2', '-fPIC', '-fvisibility=hidden', '-fno-exceptions', '-pthread',
  '-Wall', '-Wextra', '-Werror', '-fstack-protector-strong',
  // Some distributions predefine another level, and a redefinition is an error.
  '-U_FORTIFY_SOURCE', '-D_FORTIFY_SOURCE=2',
  '-DNAPI_VERSION=8', '-DNODE_ADDON_API_DISABLE_CPP_EXCEPTIONS', '-DNAPI_DISABLE_CPP_EXCEPTIONS',
  // A worker thread that ends while an operation runs can take no exception any more; without this, the process aborts.
  '-DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
  // The same bytes wherever it is built.
  '-g0', `-ffile-prefix-map=${root}=.`,
];
const LINK_FLAGS = ['-shared', '-pthread', '-Wl,-z,relro,-z,now', '-Wl,--build-id=none', '-Wl,-s'];

const TRIPLES = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };

export function fail(message) {
  console.error(`build-native: ${message}`);
  process.exit(1);
}

const modified = (path) => (existsSync(path) ? statSync(path).mtimeMs : -Infinity);

const runs = (compiler) => spawnSync(compiler, ['--version'], { stdio: 'ignore' }).status === 0;

/** The compiler for `arch`: of this machine $CXX, or the first of c++, g++ and clang++; of another one the cross compiler. */
function findCompiler(arch) {
  if (arch !== process.arch) {
    const cross = `${TRIPLES[arch]}-g++`;
    return runs(cross) ? cross : fail(`no ${cross} for linux-${arch}. Install it, for example \`apt-get install g++-${TRIPLES[arch].replaceAll('_', '-')}\`.`);
  }
  const candidates = process.env.CXX ? [process.env.CXX] : ['c++', 'g++', 'clang++'];
  return candidates.find(runs) ?? fail(`no C++ compiler found (tried ${candidates.join(', ')}). Install one, for example \`apt-get install g++\`, or name it in CXX.`);
}

/** Include folders as -isystem, so that -Werror is about our sources only; their place leaves no trace. */
function includeFlags() {
  const require = createRequire(import.meta.url);
  const folders = [join(dirname(require.resolve('node-api-headers/package.json')), 'include'), dirname(require.resolve('node-addon-api/package.json'))];
  return folders.flatMap((folder, i) => ['-isystem', folder, `-ffile-prefix-map=${folder}=include${i}`]);
}

/** Runs the compiler into a file of this process alone and puts it in place whole, so that two builds at once cannot meet. */
async function produce(compiler, args, target) {
  const scratch = `${target}.${process.pid}`;
  const status = await new Promise((resolve, reject) => {
    spawn(compiler, [...args, '-o', scratch], { cwd: root, stdio: ['ignore', 2, 2] }).on('error', reject).on('close', resolve);
  });
  if (status !== 0) fail(`${compiler} failed with status ${status} on ${target}`);
  renameSync(scratch, target);
}

/** Compiles native/src/*.cc for Linux on `arch` into build/native/linux-<arch>; what is newer than its sources is kept. Returns the addon's path. */
export async function compileAddon(arch) {
  const out = join(root, 'build', 'native', `linux-${arch}`);
  const addon = join(out, ADDON);
  const files = readdirSync(sources).sort();
  const shared = [...files.filter((file) => file.endsWith('.h')).map((file) => join(sources, file)), self, join(root, 'package-lock.json')];
  const sharedTime = Math.max(...shared.map(modified));
  const units = files.filter((file) => file.endsWith('.cc')).map((file) => ({ source: join(sources, file), object: join(out, file.replace(/\.cc$/, '.o')) }));
  const newest = Math.max(sharedTime, ...units.map(({ source }) => modified(source)));
  if (modified(addon) >= newest) return addon;

  const compiler = findCompiler(arch);
  mkdirSync(out, { recursive: true });
  const includes = includeFlags();
  const stale = units.filter(({ source, object }) => modified(object) < Math.max(modified(source), sharedTime));
  console.error(`build-native: compiling ${stale.length} of ${units.length} files with ${compiler} …`);
  const next = stale.values();
  const worker = async () => {
    for (const { source, object } of next) await produce(compiler, [...FLAGS, ...includes, '-c', relative(root, source)], object);
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), 8) }, worker));
  await produce(compiler, [...LINK_FLAGS, ...units.map(({ object }) => relative(root, object))], addon);
  return addon;
}
