// Makes the binaries that the npm package carries: prebuilds/linux-<arch>/dstack_native.node for glibc, from the sources and with the
// flags of any other build. Both architectures, or those named:
//   node scripts/prebuild-native.mjs [--out <folder instead of prebuilds>] [x64] [arm64]
import { copyFileSync, mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { compileAddon, fail, root } from './native-compile.mjs';

const ARCHITECTURES = ['x64', 'arm64'];

const { values, positionals } = parseArgs({ options: { out: { type: 'string', default: join(root, 'prebuilds') } }, allowPositionals: true });
const unknown = positionals.filter((arch) => !ARCHITECTURES.includes(arch));
if (unknown.length > 0) fail(`no such architecture: ${unknown.join(', ')}`);
if (process.platform !== 'linux') fail('prebuilt binaries are made on Linux');

for (const arch of positionals.length > 0 ? positionals : ARCHITECTURES) {
  const target = join(values.out, `linux-${arch}`, 'dstack_native.node');
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(await compileAddon(arch), `${target}.${process.pid}`);
  renameSync(`${target}.${process.pid}`, target);
}
