import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { CollateralGetter } from '../attestation/collateral.js';
import { asTdxEvent } from '../attestation/event-log/runtime-event.js';
import type { Attestation, RuntimeEvent, TdxEvent } from '../attestation/evidence/attestation.js';
import type { EvidenceSource } from '../attestation/evidence/evidence-source.js';
import { wireFor } from '../attestation/wire/decode.js';
import { bootEvents } from './boot-events.js';
import type { DevelopmentApp } from './boot-events.js';
import { developmentBoot } from './tdx-boot-log.js';
import { createDevelopmentCollateralGetter } from './tdx-collateral.js';
import type { TcbVerdict } from './tdx-collateral.js';
import { createDevelopmentTdxPki } from './tdx-pki.js';
import { createDevelopmentQuoter, DEFAULT_TD_ATTRIBUTES, DEFAULT_XFAM } from './tdx-quote.js';
import type { DevelopmentQuoter } from './tdx-quote.js';

export interface DevelopmentTdxOptions {
  /** 32 bytes. */
  readonly seed: Uint8Array;
  /** Unix seconds; dates the collateral. */
  readonly clock: () => number;
  /** What was provisioned, or the very run-time events to start with. */
  readonly app: DevelopmentApp | { readonly events: readonly RuntimeEvent[] };
  /** OS image hash, 32 bytes; the boot measurements follow from it. */
  readonly imageHash: Uint8Array;
  /** VmConfig JSON for the attestation's `config`; null for one that only names the image. */
  readonly vmConfig: string | null;
  /** Version of the events emitted here; 1 unless app-compose.json says otherwise. */
  readonly eventVersion?: 1 | 2;
  /** Milliseconds a quote takes; 0 unless the latency of real hardware (about a second) is wanted. */
  readonly quoteDelayMs?: number;
  /** 8 bytes; a debug domain, for one, has bit 0 of byte 0 set. */
  readonly tdAttributes?: Uint8Array;
  /** What the platform's own collateral says of its TCB; up to date unless given. */
  readonly tcb?: TcbVerdict;
}

/** A TDX machine whose quotes are signed by the development PKI of its seed. */
export interface DevelopmentTdx extends EvidenceSource {
  readonly variant: 'dstack-tdx';
  readonly development: true;
  readonly emitEvent: NonNullable<EvidenceSource['emitEvent']>;
  /** Collateral for its quotes. */
  readonly collateral: CollateralGetter;
  /** Development root CA, DER. */
  readonly root: Uint8Array;
}

const ZERO_48 = new Uint8Array(48);

/** @throws TypeError for a seed, image hash or identity of the wrong length. */
export function createDevelopmentTdx(options: DevelopmentTdxOptions): DevelopmentTdx {
  if (options.imageHash.length !== 32) throw new TypeError('imageHash must be 32 bytes');
  const version = options.eventVersion ?? 1;
  const pki = createDevelopmentTdxPki(options.seed);
  const domain = new TrustDomain(createDevelopmentQuoter(options.seed, pki), options);
  for (const event of 'events' in options.app ? options.app.events : bootEvents(options.app, version)) domain.extend(event);
  return {
    variant: 'dstack-tdx',
    development: true,
    root: pki.root,
    collateral: createDevelopmentCollateralGetter(pki, options.clock, options.tcb),
    nsmDocument: null,
    async attest(reportData, signal) {
      if (reportData.length !== 64) throw new TypeError('reportData must be 64 bytes');
      signal?.throwIfAborted();
      if (options.quoteDelayMs !== undefined && options.quoteDelayMs > 0) await delay(options.quoteDelayMs, undefined, signal === undefined ? {} : { signal });
      return domain.attest(reportData);
    },
    async emitEvent(event, payload) {
      domain.extend({ event, payload: Uint8Array.from(payload), version });
    },
  };
}

/** The registers and logs of one boot. Everything in it is synchronous, so quote and log never disagree. */
class TrustDomain {
  readonly #quoter: DevelopmentQuoter;
  readonly #boot;
  readonly #tdAttributes: Uint8Array;
  readonly #config: string;
  readonly #runtimeEvents: RuntimeEvent[] = [];
  readonly #log: TdxEvent[];
  #rtmr3: Uint8Array = ZERO_48;

  constructor(quoter: DevelopmentQuoter, options: DevelopmentTdxOptions) {
    this.#quoter = quoter;
    this.#boot = developmentBoot(options.imageHash);
    this.#log = [...this.#boot.events];
    this.#tdAttributes = options.tdAttributes ?? DEFAULT_TD_ATTRIBUTES;
    this.#config = options.vmConfig ?? JSON.stringify({ os_image_hash: Buffer.from(options.imageHash).toString('hex') });
  }

  /** RTMR3 := SHA384(RTMR3 ‖ event digest) (spec/attestation.md section 1.4), then the logs. */
  extend(event: RuntimeEvent): void {
    // With preimages, so that version 2 events verify wherever this log goes (trap T6).
    const logged = asTdxEvent(event, { withPreimage: true });
    this.#rtmr3 = new Uint8Array(createHash('sha384').update(this.#rtmr3).update(logged.digest).digest());
    this.#log.push(logged);
    this.#runtimeEvents.push(event);
  }

  attest(reportData: Uint8Array): Attestation {
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
    return {
      wire: wireFor(this.#runtimeEvents),
      platform: { kind: 'tdx', quote: this.#quoter.quote(td, reportData), eventLog: [...this.#log] },
      stack: { kind: 'dstack', reportData: Uint8Array.from(reportData), runtimeEvents: [...this.#runtimeEvents], config: this.#config, reportDataPayload: null },
    };
  }
}
