// What a test can make the devices do wrong while they are mounted. All of it is plain data: it travels between processes.

/** Of both directories of configfs-tsm. */
export interface TsmFaults {
  /** Text of the entry's `provider`, or null for the real one. */
  readonly provider: string | null;
  /** Text of `generation` instead of the number, or null. */
  readonly generationText: string | null;
  /** How far a write of `inblob` moves the generation: 1 as it should, 0 stuck, 2 when somebody else wrote too. */
  readonly generationStep: number;
  /** Milliseconds until the generation moves. */
  readonly generationDelayMs: number;
  /** How far a read of `outblob` moves the generation: somebody else wrote in between. */
  readonly generationStepOnRead: number;
  /** errnos for the next writes of `inblob`, in order; after them writes are taken. */
  readonly writeErrnos: readonly number[];
  /** errnos for the next closes of a descriptor that wrote. */
  readonly closeErrnos: readonly number[];
  /** Bytes of a write that are taken, or null for all. */
  readonly writeTakes: number | null;
  /** errnos for the next reads of `outblob`. */
  readonly readErrnos: readonly number[];
  /** Milliseconds a read of `outblob` takes; interruptible, as the driver's wait for the quote is. */
  readonly readDelayMs: number;
  /** Bytes given for one read of `outblob`, or null for all asked for. */
  readonly readGives: number | null;
  /** Bytes of `outblob`, or null for evidence. */
  readonly blobBytes: number | null;
  /** Evidence about other data than was written. */
  readonly otherReportData: boolean;
  /** Bytes of `auxblob`, or null for certificates. */
  readonly auxiliaryBytes: Uint8Array | null;
}

export const NO_TSM_FAULTS: TsmFaults = {
  provider: null,
  generationText: null,
  generationStep: 1,
  generationDelayMs: 0,
  generationStepOnRead: 0,
  writeErrnos: [],
  closeErrnos: [],
  writeTakes: null,
  readErrnos: [],
  readDelayMs: 0,
  readGives: null,
  blobBytes: null,
  otherReportData: false,
  auxiliaryBytes: null,
};

export interface RtmrFaults {
  /** errnos for the next extensions, by file or by ioctl; nothing is extended. */
  readonly extendErrnos: readonly number[];
  /** Bytes of a write to a register's file that are taken, or null for all. */
  readonly writeTakes: number | null;
  /** errnos for the next requests of a TDREPORT. */
  readonly reportErrnos: readonly number[];
  /** Milliseconds a TDREPORT takes. */
  readonly reportDelayMs: number;
}

export const NO_RTMR_FAULTS: RtmrFaults = { extendErrnos: [], writeTakes: null, reportErrnos: [], reportDelayMs: 0 };

export interface NsmFaults {
  /** errnos for the next requests. */
  readonly errnos: readonly number[];
  /** Name of the error the module answers with, or null. */
  readonly error: string | null;
  /** Length written back instead of the answer's, or null. */
  readonly length: bigint | null;
  /** An answer in place of the module's. */
  readonly answer: Uint8Array | null;
  /** A document over other user data than was asked for. */
  readonly otherUserData: boolean;
  readonly delayMs: number;
}

export const NO_NSM_FAULTS: NsmFaults = { errnos: [], error: null, length: null, answer: null, otherUserData: false, delayMs: 0 };

export interface TpmFaults {
  /** errnos for the next commands, which are not carried out. */
  readonly writeErrnos: readonly number[];
  readonly readErrnos: readonly number[];
  /** Response codes for the next commands of these codes, which are not carried out. */
  readonly refusals: readonly { readonly command: number; readonly rc: number }[];
  /** A response in place of the TPM's. */
  readonly answer: Uint8Array | null;
  /** Bytes given for one read, or null for all asked for. */
  readonly readGives: number | null;
  /** Milliseconds each command takes. */
  readonly delayMs: number;
}

export const NO_TPM_FAULTS: TpmFaults = { writeErrnos: [], readErrnos: [], refusals: [], answer: null, readGives: null, delayMs: 0 };

export interface SnpFaults {
  /** Whether the host has certificates for the guest, at the device and in configfs-tsm. */
  readonly certificates: boolean;
  /** Length the certificates at the device are padded to, or null for their own. */
  readonly tableBytes: number | null;
  /** errnos for the next requests at `/dev/sev-guest`, and what the firmware says then. */
  readonly errnos: readonly number[];
  readonly firmwareError: number;
  /** Status and report size of the firmware's response; null for the real size. */
  readonly status: number;
  readonly reportBytes: number | null;
  /** A report about other data than was asked for. */
  readonly otherReportData: boolean;
}

export const NO_SNP_FAULTS: SnpFaults = { certificates: true, tableBytes: null, errnos: [], firmwareError: 0, status: 0, reportBytes: null, otherReportData: false };

/** A list of errnos used up one by one. */
export class ErrnoQueue {
  #left: number[] = [];
  fill(errnos: readonly number[]): void {
    this.#left = [...errnos];
  }
  next(): number {
    return this.#left.shift() ?? 0;
  }
}
