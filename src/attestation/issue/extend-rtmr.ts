import { join } from 'node:path';
import { EvidenceSourceError } from '../../errors/evidence-source-error.js';
import type { NativeBinding } from '../../native/binding.js';
import { exists } from './device-file.js';
import { checkOverride } from './tsm-entry.js';

export interface RtmrOptions {
  readonly native: Pick<NativeBinding, 'sysfsExtendRtmr' | 'tdxExtendRtmr'>;
  /** `/sys/devices/virtual/misc/tdx_guest/measurements`. */
  readonly sysfs: string;
  /** Value of `DCAP_TDX_RTMR_SYSFS_PATH`, or null when it is not set. */
  readonly sysfsOverride: string | null;
  /** `/dev/tdx_guest`. */
  readonly tdxGuest: string;
  readonly deadlineMs: number;
}

/**
 * RTMR[index] := SHA384(RTMR[index] || digest), through sysfs where the kernel has it, else through the device
 * (spec/attestation.md section 1.4). A failure after the way was chosen is final: no extension is ever tried twice.
 * @throws EvidenceSourceError
 */
export async function extendRtmr(options: RtmrOptions, index: number, digest: Uint8Array): Promise<void> {
  const { native, deadlineMs } = options;
  if (options.sysfsOverride !== null) {
    await checkOverride(options.sysfsOverride, 'the RTMR directory');
    await native.sysfsExtendRtmr({ directory: options.sysfsOverride, index, digest, deadlineMs });
  } else if (await exists(join(options.sysfs, `rtmr${index}:sha384`))) {
    await native.sysfsExtendRtmr({ directory: options.sysfs, index, digest, deadlineMs });
  } else if (await exists(options.tdxGuest)) {
    await native.tdxExtendRtmr({ devicePath: options.tdxGuest, index, digest, deadlineMs });
  } else {
    throw new EvidenceSourceError('DEVICE_ABSENT', `cannot extend RTMR${index}: neither ${options.sysfs} nor ${options.tdxGuest} exists`);
  }
}
