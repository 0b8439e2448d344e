import type { EvidenceSource } from '../attestation/evidence/evidence-source.js';
import { detectPlatform, PLATFORM_PATHS } from '../attestation/issue/detect-platform.js';
import { createGcpTdxEvidenceSource, GCP_TPM_DEFAULTS } from '../attestation/issue/gcp-tdx-device.js';
import { createNsmEvidenceSource, NSM_DEFAULTS } from '../attestation/issue/nsm-device.js';
import { createSnpEvidenceSource, SNP_PATHS, SNP_TIMES } from '../attestation/issue/snp-device.js';
import { createTdxEvidenceSource, TDX_PATHS, TDX_TIMES, type TdxDeviceOptions } from '../attestation/issue/tdx-device.js';
import { PLATFORM_NAMES } from '../attestation/tee-variant.js';
import { EvidenceSourceError } from '../errors/evidence-source-error.js';
import { loadNative } from '../native/loader.js';

export interface DeviceEvidenceOptions {
  /** VM configuration to embed, JSON; "" for none. */
  readonly vmConfig: string;
  /** The document an SEV-SNP guest's HOST_DATA stands for; "" for none. */
  readonly mrConfig: string;
  /** 20 bytes an enclave says it is, or null. */
  readonly appId: Uint8Array | null;
  /** Variables that say where the devices are (spec/attestation.md section 1). */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Requests that may wait for a device while it serves another. */
const MAX_WAITING = 64;

/**
 * Evidence of the device of this machine. Never anything simulated.
 * @throws EvidenceSourceError NOT_THIS_PLATFORM, NativeModuleError without the addon
 */
export async function deviceEvidence({ vmConfig, mrConfig, appId, environment }: DeviceEvidenceOptions): Promise<EvidenceSource> {
  const override = environment['DCAP_TDX_QUOTE_CONFIGFS_PATH'] ?? null;
  const variant = await detectPlatform({ ...PLATFORM_PATHS, tsmOverride: override }, `dstack-probe-${process.pid}`);
  switch (variant) {
    case 'dstack-tdx':
      return createTdxEvidenceSource(tdxOptions(vmConfig, environment));
    case 'dstack-gcp-tdx':
      return createGcpTdxEvidenceSource({ ...tdxOptions(vmConfig, environment), ...GCP_TPM_DEFAULTS });
    case 'dstack-amd-sev-snp':
      return createSnpEvidenceSource({
        native: loadNative(),
        paths: SNP_PATHS,
        times: SNP_TIMES,
        entryName: `dstack-${process.pid}`,
        mrConfig,
        config: vmConfig,
        maxWaiting: MAX_WAITING,
      });
    case 'dstack-nitro-enclave':
      return createNsmEvidenceSource({ native: loadNative(), ...NSM_DEFAULTS, appId });
    case null:
      throw new EvidenceSourceError('NOT_THIS_PLATFORM', 'no TEE was found on this machine');
    default:
      throw new EvidenceSourceError('NOT_THIS_PLATFORM', `evidence of ${PLATFORM_NAMES[variant]} is not supported by this release`);
  }
}

function tdxOptions(vmConfig: string, environment: DeviceEvidenceOptions['environment']): TdxDeviceOptions {
  const paths = {
    ...TDX_PATHS,
    tsm: { ...TDX_PATHS.tsm, override: environment['DCAP_TDX_QUOTE_CONFIGFS_PATH'] ?? null },
    rtmrSysfsOverride: environment['DCAP_TDX_RTMR_SYSFS_PATH'] ?? null,
    ccel: environment['DSTACK_CCEL_FILE'] ?? TDX_PATHS.ccel,
  };
  return { native: loadNative(), paths, times: TDX_TIMES, config: vmConfig, maxWaiting: MAX_WAITING };
}
