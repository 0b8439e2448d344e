import { NO_SNP_ROOTS, type TrustRoots } from '../trust-roots.js';
import { AWS_NITRO_ENCLAVES_ROOT_G1 } from './aws-nitro-enclaves-root-g1.js';
import { GOOGLE_EK_AK_ROOT } from './google-ek-ak-root.js';
import { INTEL_SGX_ROOT_CA } from './intel-sgx-root-ca.js';

/**
 * The hardware vendors' own trust anchors, decoded anew on each call so that no caller can alter another's. AMD's are not part
 * of this release: an operator who has SEV-SNP machines configures them.
 */
export function vendorRoots(): TrustRoots {
  return {
    tdx: Uint8Array.from(Buffer.from(INTEL_SGX_ROOT_CA, 'base64')),
    nitroEnclave: Uint8Array.from(Buffer.from(AWS_NITRO_ENCLAVES_ROOT_G1, 'base64')),
    gcpTpm: Uint8Array.from(Buffer.from(GOOGLE_EK_AK_ROOT, 'base64')),
    sevSnp: NO_SNP_ROOTS,
  };
}
