import { createHash } from 'node:crypto';
import { developmentBoot } from '../../../src/simulator/tdx-boot-log.js';
import { createDevelopmentTdxPki } from '../../../src/simulator/tdx-pki.js';
import { createDevelopmentQuoter, DEFAULT_TD_ATTRIBUTES, DEFAULT_XFAM, type TdMeasurements } from '../../../src/simulator/tdx-quote.js';
import { seed } from './machine.js';

const ZERO_48 = new Uint8Array(48);
/** TDREPORT_STRUCT: Intel TDX module ABI, REPORTMACSTRUCT and TDINFO_STRUCT. */
const REPORT_BYTES = 1024;
const REPORT_DATA_OFFSET = 128;
const TD_INFO_OFFSET = 512;

/** What the TDX module keeps for a guest: its registers, and how it vouches for them. */
export class TrustDomain {
  readonly #boot;
  readonly #quoter = createDevelopmentQuoter(seed, createDevelopmentTdxPki(seed));
  #rtmr2: Uint8Array;
  #rtmr3: Uint8Array = ZERO_48;

  constructor(imageHash: Uint8Array) {
    this.#boot = developmentBoot(imageHash);
    this.#rtmr2 = this.#boot.rtmrs[2];
  }

  /** RTMR0 to RTMR3, 48 bytes each. */
  get rtmrs(): TdMeasurements['rtmrs'] {
    return [this.#boot.rtmrs[0], this.#boot.rtmrs[1], this.#rtmr2, this.#rtmr3];
  }

  /** A new boot: the run-time register is zero again. */
  reset(): void {
    this.#rtmr2 = this.#boot.rtmrs[2];
    this.#rtmr3 = ZERO_48;
  }

  /** RTMR[index] := SHA384(RTMR[index] ‖ digest); false for a register that is not user space's. */
  extend(index: number, digest: Uint8Array): boolean {
    const extended = (register: Uint8Array): Uint8Array => createHash('sha384').update(register).update(digest).digest();
    if (index === 2) this.#rtmr2 = extended(this.#rtmr2);
    else if (index === 3) this.#rtmr3 = extended(this.#rtmr3);
    else return false;
    return true;
  }

  quote(reportData: Uint8Array): Uint8Array {
    const measurements = { mrTd: this.#boot.mrTd, mrConfigId: ZERO_48, mrOwner: ZERO_48, mrOwnerConfig: ZERO_48, rtmrs: this.rtmrs };
    return this.#quoter.quote({ ...measurements, tdAttributes: DEFAULT_TD_ATTRIBUTES, xfam: DEFAULT_XFAM }, reportData);
  }

  report(reportData: Uint8Array): Buffer {
    const report = Buffer.alloc(REPORT_BYTES);
    report[0] = 0x81; // a TD's
    report.set(reportData, REPORT_DATA_OFFSET);
    report.set(Buffer.concat([DEFAULT_TD_ATTRIBUTES, DEFAULT_XFAM, this.#boot.mrTd, ZERO_48, ZERO_48, ZERO_48, ...this.rtmrs]), TD_INFO_OFFSET);
    return report;
  }
}
