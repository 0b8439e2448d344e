import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { defaultAddonPath } from '../../src/native/addon-path.js';

export type Outcome = Readonly<Record<string, unknown>> & { readonly ms: number };

/** One call of the addon in a process of its own. Byte arguments are given as `{hex}`; bytes come back as hex. */
export async function callElsewhere(operation: string, options: Readonly<Record<string, unknown>>, env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const script = fileURLToPath(new URL('call-addon.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, defaultAddonPath(), operation, JSON.stringify(options)], { env: { ...process.env, ...env } });
  return JSON.parse(stdout) as Outcome;
}
