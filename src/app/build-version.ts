import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `version` as in package.json, without `v`; `rev` is `git:` and 20 hex digits, or `unknown`. */
export interface BuildVersion {
  readonly version: string;
  readonly rev: string;
}

/** Version from the nearest package.json above this file, revision from its `gitHead`, which npm writes when it packs a checkout. */
export function buildVersion(): BuildVersion {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  const manifest: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const field = (name: string): string => {
    const value = typeof manifest === 'object' && manifest !== null ? (manifest as Record<string, unknown>)[name] : null;
    return typeof value === 'string' ? value : '';
  };
  const head = field('gitHead');
  return { version: field('version'), rev: head === '' ? 'unknown' : `git:${head.slice(0, 20)}` };
}

/** Value of `X-App-Version` (spec/prpc.md section 10). */
export function appVersionHeader({ version, rev }: BuildVersion): string {
  return `v${version} (${rev})`;
}
