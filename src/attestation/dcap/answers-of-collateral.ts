import type { CollateralRequest, QuoteCollateral } from '../collateral.js';
import type { RecordedAnswer } from '../recording.js';
import { pccsTargets } from './pccs-answers.js';

type Answer = Omit<RecordedAnswer, 'target'>;

/**
 * The HTTP answers collateral would be put together from again (spec/attestation.md section 6.6), for a recording.
 * @param base address the answers are said to be from, without a slash at its end
 */
export function answersOfCollateral(collateral: QuoteCollateral, wanted: CollateralRequest, base: string): readonly Answer[] {
  const targets = pccsTargets(wanted);
  return [
    answer(base + targets.pckCrl, collateral.pckCrl, { 'SGX-PCK-CRL-Issuer-Chain': collateral.pckCrlIssuerChain }),
    answer(base + targets.tcbInfo, signed('tcbInfo', collateral.tcbInfo, collateral.tcbInfoSignature), { 'TCB-Info-Issuer-Chain': collateral.tcbInfoIssuerChain }),
    answer(base + targets.qeIdentity, signed('enclaveIdentity', collateral.qeIdentity, collateral.qeIdentitySignature), {
      'SGX-Enclave-Identity-Issuer-Chain': collateral.qeIdentityIssuerChain,
    }),
    answer(base + targets.rootCaCrl, Buffer.from(Buffer.from(collateral.rootCaCrl).toString('hex'), 'latin1'), {}),
  ];
}

function answer(url: string, body: Uint8Array, chains: Readonly<Record<string, string>>): Answer {
  const headers = Object.fromEntries(Object.entries(chains).map(([name, pem]) => [name, encodeURIComponent(pem)] as const));
  return { url, status: 200, headers, body };
}

/** The signed text goes in as it is (trap T16). */
function signed(key: string, text: string, signature: Uint8Array): Uint8Array {
  return Buffer.from(`{"${key}":${text},"signature":"${Buffer.from(signature).toString('hex')}"}`, 'utf8');
}
