import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it } from 'vitest';
import { collateralKey, collateralRequestFromKey } from '../../src/attestation/collateral.js';
import { collateralJson } from '../../src/attestation/dcap/collateral-json.js';
import { createCollateralDirectory } from '../../src/outbound/collateral-directory.js';
import { DAY, NOW, signedCollateral, WANTED } from './support/signed-collateral.js';

const KEY = collateralKey(WANTED);
const script = fileURLToPath(new URL('support/write-collateral-and-die.mjs', import.meta.url));
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'collateral-'));
});

const keyOf = (index: number): string => collateralKey({ ...WANTED, fmspc: Uint8Array.of(0, 0, 0, 0, index >> 8, index & 0xff) });

describe('the collateral directory', () => {
  it('gives back what was written, by the name of what it is for', async () => {
    const store = createCollateralDirectory(join(directory, 'made', 'here'));
    expect([await store.keys(), await store.read(KEY)]).toEqual([[], null]);
    await store.write(KEY, signedCollateral());
    expect(await store.keys()).toEqual([KEY]);
    expect(collateralRequestFromKey(KEY)).toEqual(WANTED);
    expect(await store.read(KEY)).toEqual(signedCollateral());
    await store.remove(KEY);
    await store.remove(KEY);
    expect(await store.read(KEY)).toBeNull();
  });

  it('keeps 64 files, the newest', async () => {
    const store = createCollateralDirectory(directory);
    for (let index = 0; index < 64; index++) {
      writeFileSync(join(directory, `${keyOf(index)}.json`), 'x');
      utimesSync(join(directory, `${keyOf(index)}.json`), 1_000 + index, 1_000 + index);
    }
    await store.write(keyOf(64), signedCollateral());
    const names = readdirSync(directory);
    expect(names).toHaveLength(64);
    expect(names).not.toContain(`${keyOf(0)}.json`);
    expect(names).toContain(`${keyOf(64)}.json`);
  });

  it('looks at no file of another name, follows no link and opens nothing but files', async () => {
    const elsewhere = join(directory, 'elsewhere');
    writeFileSync(elsewhere, collateralJson(signedCollateral()));
    symlinkSync(elsewhere, join(directory, `${keyOf(1)}.json`));
    mkdirSync(join(directory, `${keyOf(2)}.json`));
    const store = createCollateralDirectory(directory);
    expect((await store.keys()).toSorted()).toEqual([keyOf(1), keyOf(2)]);
    await expect(store.read(keyOf(1))).rejects.toMatchObject({ code: 'ELOOP' });
    await expect(store.read(keyOf(2))).rejects.toMatchObject({ code: 'COLLATERAL_ANSWER_INVALID' });
  });

  it('removes what dead processes left, but not what is being written', async () => {
    const store = createCollateralDirectory(directory);
    const [old, fresh] = [`.${KEY}.json.1.new`, `.${KEY}.json.2.new`];
    for (const name of [old, fresh]) writeFileSync(join(directory, name), 'half');
    utimesSync(join(directory, old), 1_000, 1_000);
    await store.keys();
    expect(readdirSync(directory)).toEqual([fresh]);
  });

  it('holds the old collateral or the new, wherever the process is killed', async () => {
    const newer = join(directory, 'newer');
    const [before, after] = [signedCollateral(NOW - DAY), signedCollateral()];
    writeFileSync(newer, collateralJson(after));
    const write = (at: string, dieAt: number) => spawnSync(process.execPath, [script, at, KEY, String(dieAt), newer], { encoding: 'utf8' });
    const complete = write(join(directory, 'complete'), -1);
    const steps = Number(complete.stdout);
    expect({ steps: steps > 4, stderr: complete.stderr }).toEqual({ steps: true, stderr: '' });
    const outcomes = new Set<string>();
    for (let dieAt = 0; dieAt < steps; dieAt++) {
      const at = join(directory, `killed-${dieAt}`);
      const store = createCollateralDirectory(at);
      await store.write(KEY, before);
      expect(write(at, dieAt).signal).toBe('SIGKILL');
      const found = await store.read(KEY);
      outcomes.add(found?.tcbInfo === after.tcbInfo ? 'new' : 'old');
      expect([before, after]).toContainEqual(found);
      await store.write(KEY, after);
      expect(await store.read(KEY)).toEqual(after);
    }
    expect([...outcomes].toSorted()).toEqual(['new', 'old']);
  });

  it('holds the old collateral, and nothing else, when there is no room for the new', async () => {
    const newer = join(directory, 'newer');
    writeFileSync(newer, collateralJson(signedCollateral()));
    const at = join(directory, 'full');
    const store = createCollateralDirectory(at);
    await store.write(KEY, signedCollateral(NOW - DAY));
    // No file of this process may grow beyond 1 KiB.
    const limited = spawnSync('bash', ['-c', 'ulimit -f 1; exec "$@"', 'bash', process.execPath, script, at, KEY, '-1', newer], { encoding: 'utf8' });
    expect({ status: limited.status, why: limited.stderr.includes('EFBIG') }).toEqual({ status: 1, why: true });
    expect(readdirSync(at)).toEqual([`${KEY}.json`]);
    expect(await store.read(KEY)).toEqual(signedCollateral(NOW - DAY));
  });
});
