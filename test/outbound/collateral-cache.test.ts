import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { collateralKey, type QuoteCollateral } from '../../src/attestation/collateral.js';
import { collateralJson } from '../../src/attestation/dcap/collateral-json.js';
import { CollateralError } from '../../src/errors/collateral-error.js';
import { CollateralCache } from '../../src/outbound/collateral-cache.js';
import { createCollateralDirectory } from '../../src/outbound/collateral-directory.js';
import { acceptanceOf, checkedSource } from '../../src/outbound/collateral-source.js';
import { DAY, forged, NOW, pki, signedByAnother, signedCollateral, WANTED } from './support/signed-collateral.js';

const HOUR = 3_600;
const KEY = collateralKey(WANTED);

/** A cache over a source that counts and delivers what `state.next` says: collateral, an error, or what is newest. */
function setUp(directory: string | null = null) {
  const state = { fetched: 0, now: NOW, warnings: [] as string[], next: null as QuoteCollateral | CollateralError | null };
  const clock = (): number => state.now;
  const accept = acceptanceOf({ root: pki.root, clock, maxAgeSeconds: null });
  const getCollateral = async (): Promise<QuoteCollateral> => {
    state.fetched++;
    await new Promise((resolve) => setImmediate(resolve));
    if (state.next instanceof CollateralError) throw state.next;
    return state.next ?? signedCollateral(state.now);
  };
  const cache = new CollateralCache({
    source: checkedSource({ getCollateral }, accept),
    accept,
    directory: directory === null ? null : createCollateralDirectory(directory),
    clock,
    random: () => 0.999_999,
    refreshSeconds: HOUR,
    warn: (message) => state.warnings.push(message),
  });
  return { state, cache, get: () => cache.getCollateral(WANTED) };
}

const away = (): CollateralError => new CollateralError('COLLATERAL_UNAVAILABLE', 'away');
const newDirectory = (): string => mkdtempSync(join(tmpdir(), 'collateral-'));
const fileOf = (directory: string): string => join(directory, `${KEY}.json`);

describe('the collateral cache', () => {
  it('asks once for what many want at the same time, and gives all of them the same object', async () => {
    const { state, cache, get } = setUp();
    const [first, ...rest] = await Promise.all([get(), get(), get()]);
    expect(rest.every((other) => other === first)).toBe(true);
    expect(await get()).toBe(first);
    expect(state.fetched).toBe(1);
    await expect(cache.getCollateral({ ...WANTED, ca: 'processor' })).rejects.toMatchObject({ code: 'COLLATERAL_REJECTED' });
    expect(state.fetched).toBe(2);
  });

  it('refreshes without traffic, early, and not before it is time', async () => {
    const { state, cache, get } = setUp();
    const first = await get();
    state.now += HOUR / 2;
    await cache.refreshDue();
    expect(state.fetched).toBe(1);
    state.now += HOUR / 2;
    await cache.refreshDue();
    expect(state.fetched).toBe(2);
    const second = await get();
    expect(second).not.toBe(first);
    expect(state.fetched).toBe(2);
  });

  it('does so by a timer of its own, until it is closed', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const { state, cache, get } = setUp();
      await cache.start();
      await get();
      state.now += HOUR;
      vi.advanceTimersByTime(30_000);
      await vi.waitFor(() => expect(state.fetched).toBe(2));
      await cache.close();
      expect(vi.getTimerCount()).toBe(0);
      state.now += HOUR;
      vi.advanceTimersByTime(HOUR * 1_000);
      expect(state.fetched).toBe(2);
    } finally {
      vi.useRealTimers();
    }
  });

  it('serves what it has while nobody delivers, asking less and less often, and no longer once it has ended', async () => {
    const { state, cache, get } = setUp();
    const first = await get();
    state.next = away();
    const attempts: number[] = [];
    for (let minute = 0; minute < 300; minute++) {
      state.now += 60;
      const before = state.fetched;
      await cache.refreshDue();
      if (state.fetched > before) attempts.push(minute);
      expect(await get()).toBe(first);
    }
    const pauses = attempts.slice(1).map((minute, i) => minute - (attempts[i] ?? 0));
    expect(pauses.length).toBeGreaterThan(3);
    expect(pauses).toEqual(pauses.toSorted((a, b) => a - b));
    expect(pauses.at(-1)).toBe(60);
    state.now += 29 * DAY;
    expect(await get()).toBe(first);
    state.now += DAY;
    await expect(get()).rejects.toMatchObject({ code: 'COLLATERAL_UNAVAILABLE' });
    await expect(get()).rejects.toMatchObject({ code: 'COLLATERAL_UNAVAILABLE' });
    state.next = null;
    expect(await get()).not.toBe(first);
  });

  it.each<[string, () => QuoteCollateral]>([
    ['forged', () => forged(signedCollateral(NOW + HOUR))],
    ['expired', () => signedCollateral(NOW - 40 * DAY)],
    ['of another platform', () => signedCollateral(NOW, { fmspc: '00906ED50000' })],
    ['older', () => signedCollateral(NOW - DAY)],
  ])('never replaces good collateral by what is %s', async (_name, next) => {
    const directory = newDirectory();
    const { state, cache, get } = setUp(directory);
    const first = await get();
    await cache.close();
    const stored = readFileSync(fileOf(directory), 'utf8');
    state.now += HOUR;
    state.next = next();
    await cache.refreshDue();
    await cache.close();
    expect(state.fetched).toBe(2);
    expect(await get()).toBe(first);
    expect(readFileSync(fileOf(directory), 'utf8')).toBe(stored);
  });

  it('keeps nothing that was refused', async () => {
    const { state, cache, get } = setUp();
    state.next = forged(signedCollateral());
    await expect(get()).rejects.toMatchObject({ code: 'COLLATERAL_REJECTED' });
    expect(cache.state.entries).toBe(0);
    state.next = null;
    await get();
    expect(cache.state.entries).toBe(1);
  });

  it('drops what a genuine revocation list no longer covers', async () => {
    const directory = newDirectory();
    const { state, cache, get } = setUp(directory);
    await get();
    state.now += HOUR;
    state.next = signedCollateral(state.now, {}, 'tcb-signer');
    await cache.refreshDue();
    await expect(get()).rejects.toMatchObject({ code: 'COLLATERAL_REJECTED', cause: { code: 'CERTIFICATE_REVOKED' } });
    expect(readdirSync(directory)).toEqual([]);
  });

  it('keeps what does not rest on the certificate that is revoked', async () => {
    const directory = newDirectory();
    const { state, cache, get } = setUp(directory);
    state.next = signedByAnother(signedCollateral());
    const first = await get();
    await cache.close();
    state.now += HOUR;
    // Somebody answers with what the revoked signer once signed, beside the genuine list that says so.
    state.next = signedCollateral(state.now, {}, 'tcb-signer');
    await cache.refreshDue();
    expect(await get()).toBe(first);
    expect({ fetched: state.fetched, files: readdirSync(directory) }).toEqual({ fetched: 2, files: [`${KEY}.json`] });
  });

  it('refreshes although the clock was ahead once', async () => {
    const { state, cache, get } = setUp();
    state.now += 20 * DAY;
    await get();
    state.now -= 20 * DAY;
    await cache.refreshDue();
    expect(state.fetched).toBe(2);
    state.next = away();
    state.now -= HOUR;
    await cache.refreshDue();
    await cache.refreshDue();
    expect(state.fetched).toBe(3);
  });

  it('serves again what a clock that was ahead made look expired', async () => {
    const { state, get } = setUp();
    const first = await get();
    state.next = away();
    state.now += 365 * DAY;
    await expect(get()).rejects.toMatchObject({ code: 'COLLATERAL_UNAVAILABLE' });
    state.now = NOW + 1;
    expect(await get()).toBe(first);
  });

  it('looks up only so many kinds of platform at a time', async () => {
    const { cache } = setUp();
    const asked = Array.from({ length: 40 }, (_, i) => cache.getCollateral({ ...WANTED, fmspc: Uint8Array.of(9, 0, 0, 0, 0, i) }));
    const codes = (await Promise.allSettled(asked)).map((result) => (result.status === 'rejected' ? (result.reason as CollateralError).code : 'ok'));
    expect(codes.filter((code) => code === 'COLLATERAL_REJECTED')).toHaveLength(16);
    expect(codes.filter((code) => code === 'COLLATERAL_UNAVAILABLE')).toHaveLength(24);
  });
});

describe('the collateral cache on disk', () => {
  it('serves after a restart although nobody delivers, and refreshes soon when somebody does', async () => {
    const directory = newDirectory();
    const before = setUp(directory);
    const collateral = await before.get();
    await before.cache.close();
    const after = setUp(directory);
    after.state.next = away();
    await after.cache.start();
    expect(after.cache.state.entries).toBe(1);
    expect(await after.get()).toEqual(collateral);
    expect(after.state.fetched).toBe(0);
    after.state.now += 60;
    await after.cache.refreshDue();
    expect(await after.get()).toEqual(collateral);
    expect(after.state.fetched).toBe(1);
    await after.cache.close();
  });

  it.each<[string, string]>([
    ['is no JSON', '{"pck_crl'],
    ['is forged', collateralJson(forged(signedCollateral()))],
    ['has expired', collateralJson(signedCollateral(NOW - 40 * DAY))],
    ['is of another platform', collateralJson(signedCollateral(NOW, { fmspc: '00906ED50000' }))],
    ['is too large', ' '.repeat(9 * 1024 * 1024)],
  ])('ignores a file that %s, with a warning, and replaces it', async (_name, content) => {
    const directory = newDirectory();
    writeFileSync(fileOf(directory), content);
    const { state, cache, get } = setUp(directory);
    await cache.start();
    expect({ entries: cache.state.entries, warnings: state.warnings.length }).toEqual({ entries: 0, warnings: 1 });
    const collateral = await get();
    await cache.close();
    expect(readFileSync(fileOf(directory), 'utf8')).toBe(`${collateralJson(collateral)}\n`);
  });

  it('takes newer collateral that was imported by hand while the network is away, and no older', async () => {
    const directory = newDirectory();
    const { state, cache, get } = setUp(directory);
    const first = await get();
    await cache.close();
    state.next = away();
    const imports = createCollateralDirectory(directory);
    await imports.write(KEY, signedCollateral(NOW - DAY));
    state.now += HOUR;
    await cache.refreshDue();
    expect(await get()).toBe(first);
    const newer = signedCollateral(state.now);
    await imports.write(KEY, newer);
    state.now += HOUR;
    await cache.refreshDue();
    expect(await get()).toEqual(newer);
  });

  it('serves from memory when the directory cannot be used', async () => {
    const file = join(newDirectory(), 'not a directory');
    writeFileSync(file, '');
    const { state, cache, get } = setUp(file);
    await cache.start();
    expect(await get()).toEqual(signedCollateral());
    await cache.close();
    expect(state.warnings.length).toBeGreaterThan(1);
  });
});
