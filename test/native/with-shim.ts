import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll } from 'vitest';
import { callElsewhere, type Outcome } from './call-elsewhere.js';

export type ShimCall = (env: Readonly<Record<string, string>>, operation: string, options: Readonly<Record<string, unknown>>) => Promise<Outcome>;

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Compiles vsock-shim.cc for this file's tests; gives the path of the library, to be preloaded. */
export function buildShim(): () => string {
  const folder = mkdtempSync(join(tmpdir(), 'vsock-shim-'));
  const shim = join(folder, 'vsock-shim.so');
  beforeAll(() => {
    const flags = ['-std=c++17', '-O1', '-fPIC', '-shared', '-Wall', '-Wextra', '-Werror'];
    execFileSync(process.env['CXX'] ?? 'c++', [...flags, here('vsock-shim.cc'), '-o', shim, '-ldl'], { stdio: 'inherit' });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return () => shim;
}

/** Each call is one of the addon in a process whose vsock connections the shim takes. */
export function withShim(): ShimCall {
  const shim = buildShim();
  return (env, operation, options) => callElsewhere(operation, options, { ...env, LD_PRELOAD: shim() });
}
