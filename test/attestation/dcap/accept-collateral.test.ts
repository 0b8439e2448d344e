import { describe, expect, it } from 'vitest';
import type { QuoteCollateral } from '../../../src/attestation/collateral.js';
import { acceptCollateral, isOlder } from '../../../src/attestation/dcap/accept-collateral.js';
import { parseCollateralJson } from '../../../src/attestation/dcap/collateral-format.js';
import { vendorRoots } from '../../../src/attestation/roots/vendor-roots.js';
import { VerificationError } from '../../../src/errors/verification-error.js';
import { DAY, forged, NOW, pki, signedCollateral, WANTED } from '../../outbound/support/signed-collateral.js';
import { vectorText } from '../vectors.js';

const options = { root: pki.root, now: NOW };

function refusal(collateral: QuoteCollateral, wanted = WANTED, at = options): string {
  try {
    acceptCollateral(collateral, wanted, at);
  } catch (error) {
    if (error instanceof VerificationError) return error.code;
    throw error;
  }
  return 'accepted';
}

/** The last byte of a list is the last of its signature. */
function lastByteChanged(bytes: Uint8Array): Uint8Array {
  const changed = Uint8Array.from(bytes);
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
  return changed;
}

describe('acceptCollateral', () => {
  it('accepts what Intel published, under its root, while it is valid', () => {
    const collateral = parseCollateralJson(vectorText('tdx/v4-uptodate.collateral.json'));
    const fmspc = Uint8Array.from(Buffer.from(String((JSON.parse(collateral.tcbInfo) as Record<string, unknown>)['fmspc']), 'hex'));
    const accepted = acceptCollateral(collateral, { tee: 'tdx', fmspc, ca: 'platform' }, { root: vendorRoots().tdx, now: 1_750_400_000 });
    expect(accepted.validUntil).toBe(Math.min(accepted.pckCrl.nextUpdate - 1, accepted.rootCaCrl.nextUpdate - 1, accepted.tcbInfo.nextUpdate, accepted.qeIdentity.nextUpdate));
    expect(accepted.pckCrl.number).toBe(1n);
    expect(refusal(collateral, { tee: 'tdx', fmspc, ca: 'platform' }, { root: vendorRoots().tdx, now: accepted.validUntil + 1 })).not.toBe('accepted');
  });

  const good = signedCollateral();
  it.each<[string, string, QuoteCollateral]>([
    ['a forged TCB info', 'TCB_INFO_SIGNATURE_INVALID', forged(good)],
    ['a forged QE identity', 'QE_IDENTITY_SIGNATURE_INVALID', { ...good, qeIdentitySignature: good.tcbInfoSignature }],
    ['a forged root list', 'CRL_SIGNATURE_INVALID', { ...good, rootCaCrl: lastByteChanged(good.rootCaCrl) }],
    ['a forged PCK list', 'CRL_SIGNATURE_INVALID', { ...good, pckCrl: lastByteChanged(good.pckCrl) }],
    ['a PCK list that is no list', 'CRL_MALFORMED', { ...good, pckCrl: good.pckCrl.subarray(0, 40) }],
    ['the root list as the PCK list', 'CRL_NOT_FOUND', { ...good, pckCrl: good.rootCaCrl }],
    ['no issuer of the PCK list', 'PCK_CHAIN_TOO_SHORT', { ...good, pckCrlIssuerChain: '' }],
    ['an issuer of the PCK list that is no CA', 'CRL_NOT_FOUND', { ...good, pckCrlIssuerChain: good.tcbInfoIssuerChain }],
    ['an expired TCB info', 'TCB_INFO_EXPIRED', signedCollateral(NOW - 31 * DAY)],
    ['a TCB info of tomorrow', 'TCB_INFO_NOT_YET_VALID', signedCollateral(NOW + 2 * DAY)],
    ['a revoked signer', 'CERTIFICATE_REVOKED', signedCollateral(NOW, {}, 'tcb-signer')],
    ['another FMSPC', 'FMSPC_MISMATCH', signedCollateral(NOW, { fmspc: '00906ED50000' })],
    ['TCB info of SGX', 'TCB_INFO_NOT_FOR_TEE', signedCollateral(NOW, { id: 'SGX' })],
  ])('refuses %s', (_name, code, collateral) => {
    expect(refusal(good)).toBe('accepted');
    expect(refusal(collateral)).toBe(code);
  });

  it('refuses the list of another CA than the one wanted, and any other root', () => {
    expect(refusal(good, { ...WANTED, ca: 'processor' })).toBe('CRL_NOT_FOUND');
    expect(refusal(good, WANTED, { ...options, root: vendorRoots().tdx })).not.toBe('accepted');
  });

  it('accepts a list that names the PCK CA: quotes must learn of it', () => {
    expect(refusal(signedCollateral(NOW, {}, 'pck-ca'))).toBe('accepted');
  });
});

describe('isOlder', () => {
  const accepted = (collateral: QuoteCollateral) => acceptCollateral(collateral, WANTED, options);
  it('tells by the dates and by the TCB recovery', () => {
    const [now, before] = [accepted(signedCollateral()), accepted(signedCollateral(NOW - DAY))];
    expect([isOlder(before, now), isOlder(now, before), isOlder(now, now)]).toEqual([true, false, false]);
    const recovered = accepted(signedCollateral(NOW, { tcbEvaluationDataNumber: 2 }));
    expect([isOlder(now, recovered), isOlder(recovered, now)]).toEqual([true, false]);
  });
});
