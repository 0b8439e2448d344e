import { createHash } from 'node:crypto';
import type { CollateralRequest, QuoteCollateral } from '../../../src/attestation/collateral.js';
import { createDevelopmentCollateral, UP_TO_DATE } from '../../../src/simulator/tdx-collateral.js';
import { DEVELOPMENT_MACHINE } from '../../../src/simulator/tdx-machine.js';
import { certificatePem } from '../../../src/x509/pem.js';
import { developmentCertificate } from '../../../src/simulator/development-certificate.js';
import { seededKey } from '../../../src/simulator/seeded-keys.js';
import { createDevelopmentTdxPki, type RevocableCertificate } from '../../../src/simulator/tdx-pki.js';

const SEED = createHash('sha256').update('seed of the collateral tests').digest();
export const pki = createDevelopmentTdxPki(SEED);
export const NOW = 1_800_000_000;
export const DAY = 86_400;
export const WANTED: CollateralRequest = { tee: 'tdx', fmspc: DEVELOPMENT_MACHINE.fmspc, ca: 'platform' };

/** Collateral dated a day before `at`, valid for 30 days after; `change` is made to the TCB info before it is signed. */
export function signedCollateral(at: number = NOW, change: Record<string, unknown> = {}, revoked: RevocableCertificate | null = null): QuoteCollateral {
  const collateral = createDevelopmentCollateral(pki, { now: at }, { ...UP_TO_DATE, revoked });
  const tcbInfo = JSON.stringify({ ...(JSON.parse(collateral.tcbInfo) as object), ...change });
  return { ...collateral, tcbInfo, tcbInfoSignature: pki.keys.tcbSigner.sign(Buffer.from(tcbInfo, 'utf8')) };
}

/** The same with one bit of the TCB info's signature changed. */
export function forged(collateral: QuoteCollateral): QuoteCollateral {
  const tcbInfoSignature = Uint8Array.from(collateral.tcbInfoSignature);
  tcbInfoSignature[40] = (tcbInfoSignature[40] ?? 0) ^ 1;
  return { ...collateral, tcbInfoSignature };
}

/** The same collateral signed with another key that the root certified. */
export function signedByAnother(collateral: QuoteCollateral): QuoteCollateral {
  const key = seededKey(SEED, 'p256', 'another signer');
  const signer = { commonName: 'Another TCB Signing', key, serial: 9, isCa: false, extensions: [] };
  const chain = certificatePem(developmentCertificate(signer, { commonName: 'Development TDX Root CA', key: pki.keys.root })) + certificatePem(pki.root);
  const sign = (text: string): Uint8Array => key.sign(Buffer.from(text, 'utf8'));
  return {
    ...collateral,
    tcbInfoIssuerChain: chain,
    tcbInfoSignature: sign(collateral.tcbInfo),
    qeIdentityIssuerChain: chain,
    qeIdentitySignature: sign(collateral.qeIdentity),
  };
}
