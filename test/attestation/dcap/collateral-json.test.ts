import { describe, expect, it } from 'vitest';
import { parseCollateralJson } from '../../../src/attestation/dcap/collateral-format.js';
import { collateralJson } from '../../../src/attestation/dcap/collateral-json.js';
import { createDevelopmentCollateral } from '../../../src/simulator/tdx-collateral.js';
import { createDevelopmentTdxPki } from '../../../src/simulator/tdx-pki.js';

describe('collateralJson', () => {
  it('is read back to the same collateral', () => {
    const collateral = createDevelopmentCollateral(createDevelopmentTdxPki(new Uint8Array(32).fill(1)), { now: 1_795_000_000 });
    expect(parseCollateralJson(collateralJson(collateral))).toEqual(collateral);
    const ownChain = { ...collateral, pckCertificateChain: collateral.pckCrlIssuerChain };
    expect(parseCollateralJson(collateralJson(ownChain))).toEqual(ownChain);
  });
});
