import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NativeModuleError } from '../errors/native-module-error.js';

export const BUILD_HELP = 'run `npm run build:native` in the package directory (needs Linux and a C++ compiler)';

/**
 * Where this installation's addon is, under the nearest folder above this file with a package.json: `prebuilds/<platform>-<arch>` of the
 * npm package where it fits, else `build/native/<platform>-<arch>`, whether that exists or not.
 * @throws NativeModuleError NATIVE_MODULE_MISSING when there is no such folder
 */
export function defaultAddonPath(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const above = dirname(folder);
    if (above === folder) throw new NativeModuleError('NATIVE_MODULE_MISSING', `no package.json above ${fileURLToPath(import.meta.url)}: ${BUILD_HELP}`);
    folder = above;
  }
  const target = `${process.platform}-${process.arch}`;
  const prebuilt = join(folder, 'prebuilds', target, 'dstack_native.node');
  return existsSync(prebuilt) && isGlibc() ? prebuilt : join(folder, 'build', 'native', target, 'dstack_native.node');
}

/** The C library prebuilt binaries are linked with. */
function isGlibc(): boolean {
  // Without it, the report looks up names of the machine's addresses.
  Object.assign(process.report, { excludeNetwork: true });
  const { header } = process.report.getReport() as { readonly header: { readonly glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime !== undefined;
}
