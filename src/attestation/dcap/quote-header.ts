import { VerificationError } from '../../errors/verification-error.js';
import { TEE_TYPE_SGX, TEE_TYPE_TDX } from '../tdx/quote.js';
import type { Quote } from '../tdx/quote.js';

/** Vendor id of Intel's quoting enclaves. */
const INTEL_QE_VENDOR_ID = '939a7233f79c4ca9940a0db3957f0607';
/** ECDSA-256 with P-256. */
const ATTESTATION_KEY_P256 = 2;

/**
 * Is this a kind of quote that can be judged at all? Step 1 of spec/attestation.md section 6.3.
 * @returns the TEE the quote is of, which its body agrees with
 * @throws VerificationError QUOTE_VENDOR_UNKNOWN, QUOTE_TEE_TYPE_UNSUPPORTED, QUOTE_VERSION_NOT_FOR_TEE,
 *   QUOTE_KEY_TYPE_UNSUPPORTED, QUOTE_BODY_NOT_FOR_TEE
 */
export function checkHeader({ header, report }: Quote): 'tdx' | 'sgx' {
  const { version, teeType, attestationKeyType, qeVendorId } = header;
  if (Buffer.from(qeVendorId).toString('hex') !== INTEL_QE_VENDOR_ID) throw new VerificationError('QUOTE_VENDOR_UNKNOWN', 'unknown QE vendor id');
  if (teeType !== TEE_TYPE_SGX && teeType !== TEE_TYPE_TDX) {
    throw new VerificationError('QUOTE_TEE_TYPE_UNSUPPORTED', `TEE type 0x${teeType.toString(16)} is neither SGX nor TDX`);
  }
  const tee = teeType === TEE_TYPE_SGX ? 'sgx' : 'tdx';
  if ((tee === 'sgx') !== (version === 3)) {
    const rule = tee === 'sgx' ? 'SGX TEE quote must have version 3' : 'TDX TEE quote must have version 4 or 5';
    throw new VerificationError('QUOTE_VERSION_NOT_FOR_TEE', `${rule}, not ${version}`);
  }
  if (attestationKeyType !== ATTESTATION_KEY_P256) {
    throw new VerificationError('QUOTE_KEY_TYPE_UNSUPPORTED', `attestation key type ${attestationKeyType} is not ECDSA P-256`);
  }
  if ((report.kind === 'sgx') !== (tee === 'sgx')) {
    throw new VerificationError('QUOTE_BODY_NOT_FOR_TEE', 'the body of the quote is of another TEE than its header says');
  }
  return tee;
}
