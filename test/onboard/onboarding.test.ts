import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { STRICT_POLICY } from '../../src/attestation/appraisal/policy.js';
import { createAttestationVerifier } from '../../src/attestation/evidence/attestation-verifier.js';
import { vendorRoots } from '../../src/attestation/roots/vendor-roots.js';
import { verifyAttestation } from '../../src/attestation/evidence/verify.js';
import { VerifierCache } from '../../src/attestation/evidence/verifier-cache.js';
import { decodeAttestation } from '../../src/attestation/wire/decode.js';
import { bootstrapReportData } from '../../src/crypto/report-data.js';
import { KeyStoreError } from '../../src/errors/key-store-error.js';
import type { KeyStore, StoredKeySet } from '../../src/kms/key-store.js';
import { loadRootKeys } from '../../src/kms/load-root-keys.js';
import { Onboarding } from '../../src/onboard/onboarding.js';
import { createDevPolicy } from '../../src/outbound/dev-policy.js';
import { clock, machineOf, NOW, testApp } from '../app/support/development-kms.js';

const machine = machineOf(testApp('kms'));
const roots = { ...vendorRoots(), tdx: machine.root };

/** A store in memory; `fail` may throw before or after it took the keys. */
function memoryStore(fail: (taken: boolean) => void = () => undefined): KeyStore & { kept: StoredKeySet | null } {
  return {
    kept: null,
    async state() {
      return this.kept === null ? 'empty' : 'complete';
    },
    async load() {
      if (this.kept === null) throw new KeyStoreError('STORE_INCOMPLETE', 'empty');
      return this.kept;
    },
    async create(keys) {
      fail(false);
      this.kept = keys;
      fail(true);
    },
    async replaceCertificate() {
      throw new KeyStoreError('STORE_FAILED', 'not here');
    },
  };
}

function onboardingOn(store: KeyStore, random: (length: number) => Uint8Array = randomBytes): Onboarding {
  return new Onboarding({
    store,
    evidence: { attest: (reportData) => machine.attest(reportData), vmConfig: async () => '' },
    verifier: createAttestationVerifier({ roots, collateral: machine.collateral, clock }),
    appraisal: STRICT_POLICY,
    authorizer: createDevPolicy('any'),
    enforceSelfAuthorization: true,
    attestRpcCert: true,
    random,
    clock,
  });
}

describe('bootstrap', () => {
  it('answers evidence for exactly the keys it stored', async () => {
    const store = memoryStore();
    const info = await onboardingOn(store).bootstrap('kms.example');
    const keys = loadRootKeys(await store.load());
    expect(Buffer.from(info.caPublicKey).equals(keys.rootCaKey.spki)).toBe(true);
    expect(Buffer.from(info.k256PublicKey).equals(keys.k256.publicKey)).toBe(true);
    const verified = await verifyAttestation(decodeAttestation(info.attestation), { now: NOW, roots, collateral: machine.collateral, cache: new VerifierCache() });
    expect(Buffer.from(verified.reportData).equals(bootstrapReportData(keys.rootCaKey.spki, keys.k256.publicKey))).toBe(true);
  });

  it('can be tried again after a failure that stored nothing', async () => {
    let broken = true;
    const store = memoryStore((taken) => {
      if (broken && !taken) throw new KeyStoreError('STORE_FAILED', 'disk full');
    });
    const onboarding = onboardingOn(store);
    await expect(onboarding.bootstrap('a.example')).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(() => onboarding.assertFinishable()).toThrowError(expect.objectContaining({ code: 'NOT_READY' }));
    broken = false;
    await onboarding.bootstrap('a.example');
    onboarding.assertFinishable();
  });

  it('counts as done when the store has the keys, even if it failed after taking them', async () => {
    const store = memoryStore((taken) => {
      if (taken) throw new KeyStoreError('STORE_FAILED', 'sync failed');
    });
    const onboarding = onboardingOn(store);
    await expect(onboarding.bootstrap('a.example')).rejects.toMatchObject({ code: 'STORE_FAILED' });
    const kept = store.kept;
    await expect(onboarding.bootstrap('a.example')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(store.kept).toBe(kept);
    onboarding.assertFinishable();
  });

  it('gives up on a source of randomness that is broken', async () => {
    const store = memoryStore();
    await expect(onboardingOn(store, (length) => new Uint8Array(length)).bootstrap('a.example')).rejects.toMatchObject({ code: 'PRIVATE_KEY_INVALID' });
    expect(store.kept).toBeNull();
  });
});
