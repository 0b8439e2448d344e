import { vendorRoots } from '../attestation/roots/vendor-roots.js';
import type { TrustRoots } from '../attestation/trust-roots.js';
import { readBounded } from '../config/load-file.js';
import type { RootFiles } from '../config/root-ca-config.js';
import type { Log } from './log.js';
import { readRoot } from './verify/roots.js';

const MAX_ROOT_BYTES = 64 * 1024;

/** Vendor anchors, but for those an operator replaced. @throws ConfigError, VerifyInputError for a file that holds no certificate */
export function trustRoots(files: RootFiles, log: Log): TrustRoots {
  const vendor = vendorRoots();
  const from = <T>(path: string | null, usual: T, name: string): Uint8Array | T => {
    if (path === null) return usual;
    log.warn({ path }, `the ${name} trust anchor is not the vendor's: evidence need not come from hardware`);
    return readRoot(readBounded(path, MAX_ROOT_BYTES), path).raw;
  };
  return {
    tdx: from(files.tdx, vendor.tdx, 'TDX'),
    nitroEnclave: from(files.awsNitroEnclave, vendor.nitroEnclave, 'Nitro Enclave'),
    gcpTpm: from(files.gcpTpm, vendor.gcpTpm, 'GCP vTPM'),
    sevSnp: {
      Genoa: from(files.sevSnpGenoa, vendor.sevSnp.Genoa, 'SEV-SNP Genoa'),
      Milan: from(files.sevSnpMilan, vendor.sevSnp.Milan, 'SEV-SNP Milan'),
      Turin: from(files.sevSnpTurin, vendor.sevSnp.Turin, 'SEV-SNP Turin'),
    },
  };
}
