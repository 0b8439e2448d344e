import { createHash } from 'node:crypto';
import { asTdxEvent } from '../attestation/event-log/runtime-event.js';
import type { RuntimeEvent, TdxEvent } from '../attestation/evidence/attestation.js';
import { developmentBoot } from './tdx-boot-log.js';
import { DEFAULT_TD_ATTRIBUTES, DEFAULT_XFAM } from './tdx-quote.js';
import type { DevelopmentQuoter } from './tdx-quote.js';

export interface TrustDomainOptions {
  /** OS image hash, 32 bytes; the boot measurements follow from it. */
  readonly imageHash: Uint8Array;
  /** 8 bytes; a debug domain, for one, has bit 0 of byte 0 set. */
  readonly tdAttributes?: Uint8Array;
}

const ZERO_48 = new Uint8Array(48);

/** The registers and logs of one boot. Everything in it is synchronous, so quote and log never disagree. */
export class DevelopmentTrustDomain {
  readonly #quoter: DevelopmentQuoter;
  readonly #boot;
  readonly #tdAttributes: Uint8Array;
  readonly #runtimeEvents: RuntimeEvent[] = [];
  readonly #log: TdxEvent[];
  #rtmr3: Uint8Array = ZERO_48;

  /** @throws TypeError for an image hash of another length */
  constructor(quoter: DevelopmentQuoter, { imageHash, tdAttributes = DEFAULT_TD_ATTRIBUTES }: TrustDomainOptions) {
    if (imageHash.length !== 32) throw new TypeError('imageHash must be 32 bytes');
    this.#quoter = quoter;
    this.#boot = developmentBoot(imageHash);
    this.#log = [...this.#boot.events];
    this.#tdAttributes = tdAttributes;
  }

  /** RTMR3 := SHA384(RTMR3 ‖ event digest) (spec/attestation.md section 1.4), then the logs. */
  extend(event: RuntimeEvent): void {
    // With preimages, so that version 2 events verify wherever this log goes (trap T6).
    const logged = asTdxEvent(event, { withPreimage: true });
    this.#rtmr3 = new Uint8Array(createHash('sha384').update(this.#rtmr3).update(logged.digest).digest());
    this.#log.push(logged);
    this.#runtimeEvents.push(event);
  }

  /** Events so far. */
  get runtimeEvents(): readonly RuntimeEvent[] {
    return [...this.#runtimeEvents];
  }

  /** A quote and the log its registers replay to. @param reportData 64 bytes */
  quoted(reportData: Uint8Array): { readonly quote: Uint8Array; readonly eventLog: readonly TdxEvent[] } {
    const [rtmr0, rtmr1, rtmr2] = this.#boot.rtmrs;
    const td = {
      mrTd: this.#boot.mrTd,
      mrConfigId: ZERO_48,
      mrOwner: ZERO_48,
      mrOwnerConfig: ZERO_48,
      rtmrs: [rtmr0, rtmr1, rtmr2, this.#rtmr3],
      tdAttributes: this.#tdAttributes,
      xfam: DEFAULT_XFAM,
    } as const;
    return { quote: this.#quoter.quote(td, reportData), eventLog: [...this.#log] };
  }
}
