import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll } from 'vitest';
import { defaultAddonPath } from '../../src/native/loader.js';

export type Outcome = Readonly<Record<string, unknown>> & { readonly ms: number };
export type ShimCall = (env: Readonly<Record<string, string>>, operation: string, options: Readonly<Record<string, unknown>>) => Promise<Outcome>;

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Compiles vsock-shim.cc for this file's tests; each call is one of the addon in a process whose vsock connections the shim takes. */
export function withShim(): ShimCall {
  const folder = mkdtempSync(join(tmpdir(), 'vsock-shim-'));
  const shim = join(folder, 'vsock-shim.so');
  beforeAll(() => {
    const flags = ['-std=c++17', '-O1', '-fPIC', '-shared', '-Wall', '-Wextra', '-Werror'];
    execFileSync(process.env['CXX'] ?? 'c++', [...flags, here('vsock-shim.cc'), '-o', shim, '-ldl'], { stdio: 'inherit' });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return async (env, operation, options) => {
    const args = [here('call-addon.mjs'), defaultAddonPath(), operation, JSON.stringify(options)];
    const { stdout } = await promisify(execFile)(process.execPath, args, { env: { ...process.env, ...env, LD_PRELOAD: shim } });
    return JSON.parse(stdout) as Outcome;
  };
}
