// Compiles native/src/*.cc into build/native/<platform>-<arch>/dstack_native.node with the C++ compiler alone:
// $CXX, or the first of c++, g++ and clang++. Headers come from the packages node-api-headers and node-addon-api,
// so neither Node's own headers nor a network are needed (docs/decisions/0003-native-build.md).
// What is newer than its sources is kept. Everything it says goes to stderr.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sources = join(root, 'native', 'src');
const out = join(root, 'build', 'native', `${process.platform}-${process.arch}`);
const addon = join(out, 'dstack_native.node');

const FLAGS = [
  '-std=c++17', '-O2', '-fPIC', '-fvisibility=hidden', '-fno-exceptions', '-pthread',
  '-Wall', '-Wextra', '-Werror', '-fstack-protector-strong',
  // Some distributions predefine another level, and a redefinition is an error.
  '-U_FORTIFY_SOURCE', '-D_FORTIFY_SOURCE=2',
  '-DNAPI_VERSION=8', '-DNODE_ADDON_API_DISABLE_CPP_EXCEPTIONS', '-DNAPI_DISABLE_CPP_EXCEPTIONS',
  // A worker thread that ends while an operation runs can take no exception any more; without this, the process aborts.
  '-DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
];
const LINK_FLAGS = ['-shared', '-pthread', '-Wl,-z,relro,-z,now'];

function fail(message) {
  console.error(`build-native: ${message}`);
  process.exit(1);
}

const modified = (path) => (existsSync(path) ? statSync(path).mtimeMs : -Infinity);

function findCompiler() {
  const candidates = process.env.CXX ? [process.env.CXX] : ['c++', 'g++', 'clang++'];
  for (const name of candidates) {
    if (spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0) return name;
  }
  return fail(`no C++ compiler found (tried ${candidates.join(', ')}). Install one, for example \`apt-get install g++\`, or name it in CXX.`);
}

/** Include folders as -isystem, so that -Werror is about our sources only. */
function includeFlags() {
  const require = createRequire(import.meta.url);
  const folders = [join(dirname(require.resolve('node-api-headers/package.json')), 'include'), dirname(require.resolve('node-addon-api/package.json'))];
  return folders.flatMap((folder) => ['-isystem', folder]);
}

/** Runs the compiler into a file of this process alone and puts it in place whole, so that two builds at once cannot meet. */
async function produce(compiler, args, target) {
  const scratch = `${target}.${process.pid}`;
  const status = await new Promise((resolve, reject) => {
    spawn(compiler, [...args, '-o', scratch], { stdio: ['ignore', 2, 2] }).on('error', reject).on('close', resolve);
  });
  if (status !== 0) fail(`${compiler} failed with status ${status} on ${target}`);
  renameSync(scratch, target);
}

async function main() {
  if (process.platform !== 'linux') {
    console.error(`build-native: skipped, the evidence devices exist on Linux only (this is ${process.platform})`);
    return;
  }
  const files = readdirSync(sources).sort();
  const shared = [...files.filter((file) => file.endsWith('.h')).map((file) => join(sources, file)), fileURLToPath(import.meta.url), join(root, 'package-lock.json')];
  const sharedTime = Math.max(...shared.map(modified));
  const units = files.filter((file) => file.endsWith('.cc')).map((file) => ({ source: join(sources, file), object: join(out, file.replace(/\.cc$/, '.o')) }));
  const newest = Math.max(sharedTime, ...units.map(({ source }) => modified(source)));
  if (modified(addon) >= newest) return;

  const compiler = findCompiler();
  mkdirSync(out, { recursive: true });
  const includes = includeFlags();
  const stale = units.filter(({ source, object }) => modified(object) < Math.max(modified(source), sharedTime));
  console.error(`build-native: compiling ${stale.length} of ${units.length} files with ${compiler} …`);
  const next = stale.values();
  const worker = async () => {
    for (const { source, object } of next) await produce(compiler, [...FLAGS, ...includes, '-c', source], object);
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), 8) }, worker));
  await produce(compiler, [...LINK_FLAGS, ...units.map(({ object }) => object)], addon);
}

await main();
