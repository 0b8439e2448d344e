import { writeFileSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createTsmEntryResolver } from '../../../src/attestation/issue/tsm-entry.js';
import { scratch } from '../../native/addon.js';
import { makeEntry } from '../../native/tsm-entry.js';

const entryName = 'com.intel.dcap';

describe('the configfs-tsm entry', () => {
  test('is the default one where that has a TDX provider', async () => {
    const base = await scratch();
    const entry = await makeEntry(join(base, entryName));
    expect(await createTsmEntryResolver({ base, entryName, override: null })()).toBe(entry);
  });

  test('is null where there is no configfs-tsm', async () => {
    expect(await createTsmEntryResolver({ base: join(await scratch(), 'none'), entryName, override: null })()).toBeNull();
  });

  test('is created when missing, but only once', async () => {
    const base = await scratch();
    const resolve = createTsmEntryResolver({ base, entryName, override: null });
    // An ordinary directory gets no provider, so the new entry is refused.
    await expect(resolve()).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
    expect(await readdir(base)).toEqual([entryName]);
    await rm(join(base, entryName), { recursive: true });
    await expect(resolve()).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
    expect(await readdir(base)).toEqual([]);
    await makeEntry(join(base, entryName));
    expect(await resolve()).toBe(join(base, entryName));
  });

  test('is used when another process creates it at the same time', async () => {
    const base = await scratch();
    const entry = join(base, entryName);
    // The kernel shows the provider a moment after the directory, which here the other process has just made.
    await mkdir(entry);
    const resolve = createTsmEntryResolver({ base, entryName, override: null });
    const found = resolve();
    writeFileSync(join(entry, 'provider'), 'tdx_guest\n');
    expect(await found).toBe(entry);
  });

  test('of another provider is not taken over', async () => {
    const base = await scratch();
    await makeEntry(join(base, entryName), { provider: 'sev_guest\n' });
    await expect(createTsmEntryResolver({ base, entryName, override: null })()).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
  });

  test('given by the environment is used or refused, never replaced', async () => {
    const base = await scratch();
    await makeEntry(join(base, entryName));
    const other = await makeEntry(join(base, 'other'));
    await mkdir(join(base, 'empty'));
    const withOverride = (override: string): Promise<string | null> => createTsmEntryResolver({ base, entryName, override })();
    expect(await withOverride(other)).toBe(other);
    await expect(withOverride(join(base, 'none'))).rejects.toMatchObject({ code: 'DEVICE_ABSENT' });
    for (const bad of ['', 'relative', `/${'x'.repeat(239)}`, join(base, 'empty')]) {
      await expect(withOverride(bad)).rejects.toMatchObject({ code: 'DEVICE_FAILED' });
    }
  });
});
