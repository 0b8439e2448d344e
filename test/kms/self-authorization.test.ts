import { describe, expect, it } from 'vitest';
import { STRICT_POLICY } from '../../src/attestation/appraisal/policy.js';
import { createAttestationVerifier } from '../../src/attestation/evidence/attestation-verifier.js';
import { messageChain } from '../../src/errors/base.js';
import { EvidenceSourceError } from '../../src/errors/evidence-source-error.js';
import { PolicyError } from '../../src/errors/policy-error.js';
import type { AppAuthorizer } from '../../src/kms/app-authorizer.js';
import type { OwnEvidence } from '../../src/kms/own-evidence.js';
import { createSelfAuthorization } from '../../src/kms/self-authorization.js';
import { createDevPolicy } from '../../src/outbound/dev-policy.js';
import { createDevelopmentSnp } from '../../src/simulator/snp-platform.js';
import { NO_SNP_ROOTS } from '../../src/attestation/trust-roots.js';
import { clock, machineOf, testApp } from '../app/support/development-kms.js';
import { vendorRoots } from '../../src/attestation/roots/vendor-roots.js';

const machine = machineOf(testApp('kms'));
const verifier = createAttestationVerifier({ roots: { ...vendorRoots(), tdx: machine.root }, collateral: machine.collateral, clock });

/** Counts what was asked; the policy answers with what `decide` throws. */
function selfWith(decide: () => void, attest: () => void = () => undefined) {
  const asked = { evidence: 0, policy: 0 };
  const evidence: OwnEvidence = {
    attest: async (reportData) => {
      asked.evidence++;
      attest();
      return machine.attest(reportData);
    },
    vmConfig: async () => '',
  };
  const authorizer: AppAuthorizer = {
    ...createDevPolicy('any'),
    authorizeKms: async () => {
      asked.policy++;
      decide();
      return { gatewayAppId: 'any' };
    },
  };
  return { asked, self: createSelfAuthorization({ evidence, verifier, appraisal: STRICT_POLICY, authorizer, sevSnpKeyRelease: false }) };
}

describe('self-authorisation', () => {
  it('makes evidence once and asks the policy every time', async () => {
    const { asked, self } = selfWith(() => undefined);
    await Promise.all([self.check(), self.check()]);
    await self.check();
    expect(asked).toEqual({ evidence: 1, policy: 3 });
  });

  it('fails as the fault of the KMS when it is no longer listed, and recovers with the policy', async () => {
    let listed = false;
    const { self } = selfWith(() => {
      if (!listed) throw new PolicyError('NOT_REGISTERED', 'Aggregated MR not allowed');
    });
    const error: unknown = await self.check().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'ServiceError', code: 'INTERNAL_ERROR' });
    expect(messageChain(error)).toBe('KMS self authorization failed: KMS is not allowed: Aggregated MR not allowed');
    listed = true;
    await self.check();
  });

  it('remembers no failure to make evidence', async () => {
    let absent = true;
    const { asked, self } = selfWith(
      () => undefined,
      () => {
        if (absent) throw new EvidenceSourceError('DEVICE_ABSENT', 'gone');
      },
    );
    await expect(self.check()).rejects.toMatchObject({ code: 'INTERNAL_ERROR' });
    absent = false;
    await self.check();
    expect(asked).toEqual({ evidence: 2, policy: 1 });
  });
});

describe('the gate of the KMS\'s own platform', () => {
  const seed = new Uint8Array(32).fill(9);
  const guest = createDevelopmentSnp({ seed, app: { ...testApp('kms'), instanceId: new Uint8Array(), keyProvider: null, storageFs: '' }, imageHash: new Uint8Array(32).fill(5), vmConfig: null, certificates: 'pair' });
  const snpVerifier = createAttestationVerifier({ roots: { ...vendorRoots(), sevSnp: { ...NO_SNP_ROOTS, [guest.pki.product]: guest.root } }, collateral: machine.collateral, clock });
  const ownSnp: OwnEvidence = { attest: (reportData) => guest.attest(reportData), vmConfig: async () => '' };
  const self = (sevSnpKeyRelease: boolean) => createSelfAuthorization({ evidence: ownSnp, verifier: snpVerifier, appraisal: STRICT_POLICY, authorizer: createDevPolicy('any'), sevSnpKeyRelease });

  it('is asked about where keys of the platform are handed out, and nowhere else', async () => {
    await expect(self(false).check()).resolves.toBeUndefined();
    await expect(self(false).checkGate()).rejects.toMatchObject({ name: 'AppraisalError', code: 'RELEASE_GATE_CLOSED' });
    await expect(self(true).checkGate()).resolves.toBeUndefined();
  });

  it('is open on other platforms, and comes after the policy', async () => {
    await expect(selfWith(() => undefined).self.checkGate()).resolves.toBeUndefined();
    const { self: denied } = selfWith(() => {
      throw new PolicyError('NOT_REGISTERED', 'no');
    });
    await expect(denied.checkGate()).rejects.toMatchObject({ code: 'INTERNAL_ERROR' });
  });
});
