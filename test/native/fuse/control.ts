import type { NsmFaults, RtmrFaults, TsmFaults } from './faults.js';

/** From a test to the devices; what is missing stays as it is. */
export interface Order {
  readonly tsm?: TsmFaults;
  readonly rtmr?: RtmrFaults;
  readonly nsm?: NsmFaults;
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
}
