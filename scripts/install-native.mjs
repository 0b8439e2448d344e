// After npm has installed the package: nothing where a prebuilt binary fits, a build from source where none does. An installation
// without an addon is whole but for evidence of devices, so a missing compiler does not undo it.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './native-compile.mjs';

function isGlibc() {
  process.report.excludeNetwork = true;
  return process.report.getReport().header.glibcVersionRuntime !== undefined;
}

const prebuilt = join(root, 'prebuilds', `${process.platform}-${process.arch}`, 'dstack_native.node');
// The loader takes it under the same condition (src/native/addon-path.ts).
if (!(existsSync(prebuilt) && isGlibc())) {
  const { status } = spawnSync(process.execPath, [join(root, 'scripts', 'build-native.mjs')], { stdio: ['ignore', 2, 2] });
  if (status !== 0) console.error('dstack-node: installed without its native addon; run `npm run build:native` in the package directory when a compiler is there');
}
