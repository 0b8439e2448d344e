import type { NsmFaults, RtmrFaults, SnpFaults, TpmFaults, TsmFaults } from './faults.js';

/** From a test to the devices; what is missing stays as it is. */
export interface Order {
  readonly tsm?: TsmFaults;
  readonly rtmr?: RtmrFaults;
  readonly nsm?: NsmFaults;
  readonly tpm?: TpmFaults;
  readonly snp?: SnpFaults;
  /** Registers as after a boot, and no entries. */
  readonly reboot?: boolean;
}

/** What the devices saw since the faults were set last. */
export interface Seen {
  /** Blobs committed to `inblob`, hex. */
  readonly inblobs: readonly string[];
  /** Reads of blobs. */
  readonly reads: number;
  readonly rtmrs: readonly Uint8Array[];
  /** Command codes sent to the TPM. */
  readonly tpmCommands: readonly number[];
  /** Objects and sessions the openers of the TPM left loaded. */
  readonly tpmLeaked: number;
}
