import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { callerIdentification } from '../../src/app/identify-caller.js';
import type { AttestationVerifier } from '../../src/attestation/evidence/attestation-verifier.js';
import { createAttestationVerifier } from '../../src/attestation/evidence/attestation-verifier.js';
import { recordedAnswers } from '../../src/attestation/dcap/recorded-answers.js';
import { vendorRoots } from '../../src/attestation/roots/vendor-roots.js';
import type { Caller } from '../../src/caller/caller.js';
import { AppraisalError } from '../../src/errors/appraisal-error.js';
import { CollateralError } from '../../src/errors/collateral-error.js';
import { ServiceError } from '../../src/errors/service-error.js';
import { VerificationError } from '../../src/errors/verification-error.js';
import { parsePemChain } from '../../src/x509/pem.js';
import { identityOf, RECORDED_AT, vectorText } from './support/recorded-kms.js';

const peer = { kind: 'tcp', address: '127.0.0.1', port: 1 } as const;
const certificate = Uint8Array.from(new X509Certificate(identityOf(vectorText('kms/client.pem')).cert).raw);
const [root = new Uint8Array()] = parsePemChain(vectorText('evidence/roots/tdx.pem'), 1);
const collateral = recordedAnswers(vectorText('evidence/collateral.json'));

let now = RECORDED_AT;
const clock = (): number => now;
const genuine = createAttestationVerifier({ roots: { ...vendorRoots(), tdx: root }, collateral, clock });

function identification(verifier: AttestationVerifier = genuine) {
  now = RECORDED_AT;
  return callerIdentification(verifier, { clock, maxAgeSeconds: 600 });
}
const failing = (error: Error): AttestationVerifier => ({
  verify: async () => {
    throw error;
  },
});
const info = (der: Uint8Array | null) => ({ peer, tlsSocket: null, certificate: der });

describe('who is calling', () => {
  it('is nobody in particular without a certificate, and with one that carries no evidence', async () => {
    const { identify } = identification();
    expect(await identify(info(null))).toEqual({ peer, evidence: { status: 'none' } });
    const plain = Uint8Array.from(new X509Certificate(vectorText('kms/dir/tmp-ca.crt')).raw);
    expect(await identify(info(plain))).toEqual({ peer, evidence: { status: 'none' } });
  });

  it('is verified under the configured root, and refused under the vendor’s', async () => {
    expect(await identification().identify(info(certificate))).toMatchObject({ evidence: { status: 'verified', verified: { variant: 'dstack-tdx' } } });
    const strict = createAttestationVerifier({ roots: vendorRoots(), collateral, clock });
    expect(await identification(strict).identify(info(certificate))).toMatchObject({ evidence: { status: 'refused', error: { name: 'VerificationError' } } });
  });

  it('is asked again when the evidence has aged, expired, or the clock went back', async () => {
    const { identify, isCurrent } = identification();
    const caller = await identify(info(certificate));
    const at = (time: number): boolean => {
      now = time;
      return isCurrent(caller);
    };
    expect([at(RECORDED_AT), at(RECORDED_AT + 599), at(RECORDED_AT + 600), at(RECORDED_AT - 1)]).toEqual([true, true, false, false]);
    if (caller.evidence.status !== 'verified') throw new Error('not verified');
    const { verified } = caller.evidence;
    const ending: Caller = { peer, evidence: { status: 'verified', verified: { ...verified, validUntil: RECORDED_AT + 10 } } };
    now = RECORDED_AT + 11;
    expect(isCurrent(ending)).toBe(false);
  });

  it('stays refused for what is not genuine or not acceptable, but not for collateral that was missing or too much to do', async () => {
    const after = async (error: Error): Promise<boolean> => {
      const { identify, isCurrent } = identification(failing(error));
      const caller = await identify(info(certificate));
      expect(caller).toMatchObject({ evidence: { status: 'refused', error } });
      return isCurrent(caller);
    };
    expect(await after(new VerificationError('RTMR3_MISMATCH', 'x'))).toBe(true);
    expect(await after(new AppraisalError('DEBUG_MODE', 'x'))).toBe(true);
    expect(await after(new CollateralError('COLLATERAL_UNAVAILABLE', 'x'))).toBe(false);
    expect(await after(new ServiceError('RESOURCE_EXHAUSTED', 'x'))).toBe(false);
  });

  it('is not settled by a fault of ours', async () => {
    await expect(identification(failing(new TypeError('bug'))).identify(info(certificate))).rejects.toThrow(TypeError);
  });
});
