/** Length of an SGX report body, which is also what a quoting enclave is described with. */
export const SGX_REPORT_LENGTH = 384;

/** An SGX report body (Intel SDM, REPORT structure; spec/attestation.md section 6.1). Fields are views into the quote. */
export interface SgxReport {
  readonly kind: 'sgx';
  /** All 384 bytes. */
  readonly raw: Uint8Array;
  /** 16 bytes. */
  readonly cpuSvn: Uint8Array;
  readonly miscSelect: number;
  /** 16 bytes: flags, then XFRM. */
  readonly attributes: Uint8Array;
  /** 32 bytes. */
  readonly mrEnclave: Uint8Array;
  /** 32 bytes. */
  readonly mrSigner: Uint8Array;
  readonly isvProdId: number;
  readonly isvSvn: number;
  /** 64 bytes. */
  readonly reportData: Uint8Array;
}

/** Splits exactly 384 bytes; the caller has checked the length. */
export function parseSgxReport(raw: Uint8Array): SgxReport {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  return {
    kind: 'sgx',
    raw,
    cpuSvn: raw.subarray(0, 16),
    miscSelect: view.getUint32(16, true),
    attributes: raw.subarray(48, 64),
    mrEnclave: raw.subarray(64, 96),
    mrSigner: raw.subarray(128, 160),
    isvProdId: view.getUint16(256, true),
    isvSvn: view.getUint16(258, true),
    reportData: raw.subarray(320, 384),
  };
}

/** Bit 1 of the enclave attributes: memory readable from outside (Intel SDM, ATTRIBUTES.DEBUG). */
export function isDebugEnclave(report: SgxReport): boolean {
  return ((report.attributes[0] ?? 0) & 2) !== 0;
}
