import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadRootKeys } from '../../src/kms/load-root-keys.js';
import { refreshCertificates } from '../../src/kms/refresh-certificates.js';
import { createDiskKeyStore } from '../../src/outbound/disk-key-store.js';
import { generateRootKeys, storedKeySet } from '../../src/onboard/generate-keys.js';
import { randomBytes } from 'node:crypto';

const MADE_AT = 1_700_000_000;
const DAY = 86_400;
const LIFETIME = 3650 * DAY;

async function made() {
  const store = createDiskKeyStore(join(mkdtempSync(join(tmpdir(), 'refresh-')), 'keys'));
  await store.create(await storedKeySet(generateRootKeys(randomBytes, MADE_AT), { domain: 'kms.example', evidence: null, info: null, now: MADE_AT }));
  return store;
}

describe('certificates of a starting KMS', () => {
  it('are kept but for the TLS certificate while the CAs have more than a year', async () => {
    const store = await made();
    const before = await store.load();
    const now = MADE_AT + LIFETIME - 365 * DAY - 1;
    const { keys, rpcCert } = await refreshCertificates(loadRootKeys(before), { store, domain: 'kms.example', evidence: null, now });
    const after = await store.load();
    expect(after).toEqual({ ...before, rpcCert });
    expect(rpcCert).not.toBe(before.rpcCert);
    expect(keys.rootCa.certificatePem).toBe(before.rootCaCert);
  });

  it('are all renewed with a year or less to go; the keys are the same', async () => {
    const store = await made();
    const before = await store.load();
    const now = MADE_AT + LIFETIME - 365 * DAY;
    const { keys } = await refreshCertificates(loadRootKeys(before), { store, domain: 'kms.example', evidence: null, now });
    const after = await store.load();
    expect(after.rootCaCert).not.toBe(before.rootCaCert);
    expect(after.tmpCaCert).not.toBe(before.tmpCaCert);
    expect([keys.rootCa.certificatePem, keys.tmpCa.certificatePem]).toEqual([after.rootCaCert, after.tmpCaCert]);
    expect([after.rootCaKey, after.tmpCaKey, after.rpcKey, after.rootK256Key]).toEqual([before.rootCaKey, before.tmpCaKey, before.rpcKey, before.rootK256Key]);
    // Each certificate still is of its key.
    loadRootKeys(after);
  });

  it('belong to their keys, or the set is refused by file name', async () => {
    const stored = await (await made()).load();
    const other = await (await made()).load();
    expect(() => loadRootKeys({ ...stored, rootCaCert: other.rootCaCert })).toThrowError(expect.objectContaining({ code: 'STORE_MALFORMED', message: expect.stringContaining('root-ca.crt') }));
    expect(() => loadRootKeys({ ...stored, rpcKey: 'no key' })).toThrowError(expect.objectContaining({ code: 'STORE_MALFORMED', message: expect.stringContaining('rpc.key') }));
    expect(() => loadRootKeys({ ...stored, rootK256Key: new Uint8Array(32) })).toThrowError(expect.objectContaining({ code: 'STORE_MALFORMED', message: expect.stringContaining('root-k256.key') }));
  });
});
