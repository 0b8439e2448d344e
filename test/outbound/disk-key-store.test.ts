import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it } from 'vitest';
import type { StoredKeySet } from '../../src/kms/key-store.js';
import { createDiskKeyStore } from '../../src/outbound/disk-key-store.js';

const keySet = (mark: string): StoredKeySet => ({
  tmpCaKey: `tmp key ${mark}`,
  tmpCaCert: `tmp cert ${mark}`,
  rootCaKey: `root key ${mark}`,
  rootCaCert: `root cert ${mark}`,
  rpcKey: `rpc key ${mark}`,
  rpcCert: `rpc cert ${mark}`,
  rootK256Key: new Uint8Array(32).fill(mark.length),
  rpcDomain: 'kms.example.com',
  bootstrapInfo: '{}',
});
const KEY_FILES = ['tmp-ca.key', 'root-ca.key', 'rpc.key', 'root-k256.key'];
const ALL_FILES = [...KEY_FILES, 'tmp-ca.crt', 'root-ca.crt', 'rpc.crt', 'rpc-domain', 'bootstrap-info.json'];

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keys-'));
});

function createAndDie(dieAt: number): { signal: string | null; stdout: string; stderr: string } {
  const script = fileURLToPath(new URL('support/create-and-die.mjs', import.meta.url));
  const keys = JSON.stringify({ ...keySet('first'), rootK256Key: Buffer.alloc(32, 5).toString('hex') });
  return spawnSync(process.execPath, [script, directory, String(dieAt), keys], { encoding: 'utf8' });
}

describe('the key directory', () => {
  it('keeps what was created, keys readable by the owner only', async () => {
    const store = createDiskKeyStore(directory);
    expect(await store.state()).toBe('empty');
    await store.create(keySet('a'));
    expect(await store.state()).toBe('complete');
    expect(await store.load()).toEqual(keySet('a'));
    expect(readdirSync(directory).sort()).toEqual([...ALL_FILES].sort());
    for (const name of KEY_FILES) expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
  });

  it('never overwrites keys', async () => {
    const store = createDiskKeyStore(directory);
    await store.create(keySet('a'));
    await expect(store.create(keySet('bb'))).rejects.toMatchObject({ code: 'STORE_NOT_EMPTY' });
    expect(await store.load()).toEqual(keySet('a'));
  });

  it('refuses a directory another KMS left half-written, and leaves it alone', async () => {
    writeFileSync(join(directory, 'root-ca.key'), 'precious');
    const store = createDiskKeyStore(directory);
    await expect(store.state()).rejects.toMatchObject({ code: 'STORE_INCOMPLETE' });
    await expect(store.create(keySet('a'))).rejects.toMatchObject({ code: 'STORE_INCOMPLETE' });
    expect(readdirSync(directory)).toEqual(['root-ca.key']);
    expect(readFileSync(join(directory, 'root-ca.key'), 'utf8')).toBe('precious');
  });

  it('takes a leftover bootstrap-info.json without keys for an empty directory', async () => {
    writeFileSync(join(directory, 'bootstrap-info.json'), 'old');
    const store = createDiskKeyStore(directory);
    expect(await store.state()).toBe('empty');
    await store.create(keySet('a'));
    expect((await store.load()).bootstrapInfo).toBe('{}');
  });

  it('refuses a k256 root of another length', async () => {
    const store = createDiskKeyStore(directory);
    await store.create(keySet('a'));
    writeFileSync(join(directory, 'root-k256.key'), Buffer.alloc(31));
    await expect(store.load()).rejects.toMatchObject({ code: 'STORE_MALFORMED' });
  });

  it('replaces a certificate in one step', async () => {
    const store = createDiskKeyStore(directory);
    await store.create(keySet('a'));
    writeFileSync(join(directory, '.rpc.crt.new'), 'leftover of an interrupted replacement');
    await store.replaceCertificate('rpc.crt', 'renewed');
    expect((await store.load()).rpcCert).toBe('renewed');
    expect(readdirSync(directory).sort()).toEqual([...ALL_FILES].sort());
  });
});

describe('killed by SIGKILL at every step of the first write', () => {
  it('is afterwards either empty and creates cleanly, or complete', { timeout: 120_000 }, async () => {
    const outcomes = { empty: 0, complete: 0 };
    let steps = 0;
    for (; ; steps++) {
      const child = createAndDie(steps);
      if (child.signal === null) {
        expect(child.stderr).toBe('');
        break;
      }
      expect(child.signal).toBe('SIGKILL');
      const store = createDiskKeyStore(directory);
      const state = await store.state();
      outcomes[state]++;
      if (state === 'empty') await store.create(keySet('second'));
      const expected = state === 'empty' ? keySet('second') : { ...keySet('first'), rootK256Key: new Uint8Array(32).fill(5) };
      expect(await store.load()).toEqual(expected);
      expect(readdirSync(directory).sort()).toEqual([...ALL_FILES].sort());
      rmSync(directory, { recursive: true });
    }
    // 9 files of 4 steps each, publishing of 9, directories: the figure only has to be large enough to mean every write.
    expect(steps).toBeGreaterThanOrEqual(50);
    expect(outcomes.empty).toBeGreaterThan(0);
    expect(outcomes.complete).toBeGreaterThan(0);
  });
});
