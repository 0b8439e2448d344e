import { createRequire } from 'node:module';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { EvidenceSourceError } from '../../src/errors/evidence-source-error.js';
import { defaultAddonPath } from '../../src/native/addon-path.js';

/** The addon as it is, before the loader has turned its errors into ours. */
export const addon = createRequire(import.meta.url)(defaultAddonPath()) as Readonly<Record<string, (...args: readonly unknown[]) => unknown>>;

/** Calls an operation of the bare addon. */
export function call(name: string, ...args: readonly unknown[]): unknown {
  const operation = addon[name];
  if (operation === undefined) throw new Error(`the addon has no ${name}`);
  return operation(...args);
}

/** An empty directory that goes with the test. */
export async function scratch(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'native-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Expects an EvidenceSourceError whose cause is the addon's own error with this `errno`. */
export async function expectFailure(pending: Promise<unknown>, code: string, errno: number | null): Promise<void> {
  const error = await pending.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(EvidenceSourceError);
  expect(error).toMatchObject({ code, cause: { code, errno } });
}
