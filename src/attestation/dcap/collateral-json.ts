import type { QuoteCollateral } from '../collateral.js';

/** Collateral as QuoteCollateralV3 JSON (spec/attestation.md section 6.5); `parseCollateralJson` reads it back. */
export function collateralJson(collateral: QuoteCollateral): string {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  return JSON.stringify({
    pck_crl_issuer_chain: collateral.pckCrlIssuerChain,
    root_ca_crl: hex(collateral.rootCaCrl),
    pck_crl: hex(collateral.pckCrl),
    tcb_info_issuer_chain: collateral.tcbInfoIssuerChain,
    tcb_info: collateral.tcbInfo,
    tcb_info_signature: hex(collateral.tcbInfoSignature),
    qe_identity_issuer_chain: collateral.qeIdentityIssuerChain,
    qe_identity: collateral.qeIdentity,
    qe_identity_signature: hex(collateral.qeIdentitySignature),
    ...(collateral.pckCertificateChain === null ? {} : { pck_certificate_chain: collateral.pckCertificateChain }),
  });
}
