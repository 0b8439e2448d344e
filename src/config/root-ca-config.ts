import { z } from 'zod';
import { DEFAULT_AMD_KDS_URL } from '../attestation/certificate-fetcher.js';

/** Certificate files of trust anchors; null keeps the vendor's, of which there is none for SEV-SNP. */
export interface RootFiles {
  readonly tdx: string | null;
  readonly awsNitroEnclave: string | null;
  readonly gcpTpm: string | null;
  readonly sevSnpMilan: string | null;
  readonly sevSnpGenoa: string | null;
  readonly sevSnpTurin: string | null;
}

const file = z.string().min(1).nullable().default(null);

/** The `root_ca` table: `core.attestation.root_ca` of the KMS, `default.core.root_ca` of the agent. */
export const rootCaTable = z.strictObject({
  tdx: file,
  aws_nitro_enclave: file,
  gcp_tpm: file,
  sev_snp_milan: file,
  sev_snp_genoa: file,
  sev_snp_turin: file,
  // The anchor of a platform this release decodes but refuses.
  aws_nitro_tpm: file,
});

export function rootFilesOf(raw: z.infer<typeof rootCaTable>): RootFiles {
  return {
    tdx: raw.tdx,
    awsNitroEnclave: raw.aws_nitro_enclave,
    gcpTpm: raw.gcp_tpm,
    sevSnpMilan: raw.sev_snp_milan,
    sevSnpGenoa: raw.sev_snp_genoa,
    sevSnpTurin: raw.sev_snp_turin,
  };
}

/** Base address of AMD's key service up to and with `/vcek/v1`; blank for AMD's own. */
export const amdKdsUrl = z
  .string()
  .trim()
  .refine((text) => text === '' || (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)), 'must be an http or https URL')
  .transform((text) => (text === '' ? DEFAULT_AMD_KDS_URL : text))
  .default(DEFAULT_AMD_KDS_URL);
