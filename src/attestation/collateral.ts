/** DCAP collateral in the form it travels and is stored in (spec/attestation.md section 6.5). */
export interface QuoteCollateral {
  readonly pckCrlIssuerChain: string;
  /** DER. */
  readonly rootCaCrl: Uint8Array;
  /** DER. */
  readonly pckCrl: Uint8Array;
  readonly tcbInfoIssuerChain: string;
  /** Exact signed text. */
  readonly tcbInfo: string;
  /** 64 bytes, r‖s. */
  readonly tcbInfoSignature: Uint8Array;
  readonly qeIdentityIssuerChain: string;
  /** Exact signed text. */
  readonly qeIdentity: string;
  /** 64 bytes, r‖s. */
  readonly qeIdentitySignature: Uint8Array;
  /** PEM chain that replaces the quote's own, or null. */
  readonly pckCertificateChain: string | null;
}

export interface CollateralRequest {
  readonly tee: 'tdx' | 'sgx';
  /** 6 bytes. */
  readonly fmspc: Uint8Array;
  readonly ca: 'processor' | 'platform';
}

/** Port: fetches, caches or reads collateral. Failures are CollateralError, never a verdict. */
export interface CollateralGetter {
  /**
   * @param genuine throws when the quote the collateral is wanted for is not genuine as far as can be told without any; called before
   *   anything is fetched for it, as anybody can ask for anything with a quote nobody signed
   * @throws CollateralError, and whatever `genuine` throws
   */
  getCollateral(request: CollateralRequest, genuine?: () => void): Promise<QuoteCollateral>;
}

/** A text that is the same for requests of the same collateral: TEE, FMSPC in lower-case hex and CA, at most 32 characters. */
export function collateralKey({ tee, fmspc, ca }: CollateralRequest): string {
  return `${tee}-${Buffer.from(fmspc).toString('hex')}-${ca}`;
}

/** The request `collateralKey` made the text from, or null for any other text. */
export function collateralRequestFromKey(key: string): CollateralRequest | null {
  const [, tee, fmspc, ca] = /^(tdx|sgx)-([0-9a-f]{12})-(processor|platform)$/.exec(key) ?? [];
  if ((tee !== 'tdx' && tee !== 'sgx') || fmspc === undefined || (ca !== 'processor' && ca !== 'platform')) return null;
  return { tee, fmspc: Uint8Array.from(Buffer.from(fmspc, 'hex')), ca };
}

/** True when everything that verification looks at is the same. */
export function sameCollateral(a: QuoteCollateral, b: QuoteCollateral): boolean {
  return (
    a === b ||
    (a.tcbInfo === b.tcbInfo &&
      a.tcbInfoIssuerChain === b.tcbInfoIssuerChain &&
      a.qeIdentity === b.qeIdentity &&
      a.qeIdentityIssuerChain === b.qeIdentityIssuerChain &&
      a.pckCertificateChain === b.pckCertificateChain &&
      Buffer.compare(a.tcbInfoSignature, b.tcbInfoSignature) === 0 &&
      Buffer.compare(a.qeIdentitySignature, b.qeIdentitySignature) === 0 &&
      Buffer.compare(a.rootCaCrl, b.rootCaCrl) === 0 &&
      Buffer.compare(a.pckCrl, b.pckCrl) === 0)
  );
}
