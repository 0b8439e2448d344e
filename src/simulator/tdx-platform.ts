import { setTimeout as delay } from 'node:timers/promises';
import type { CollateralGetter } from '../attestation/collateral.js';
import type { RuntimeEvent } from '../attestation/evidence/attestation.js';
import type { EvidenceSource } from '../attestation/evidence/evidence-source.js';
import { wireFor } from '../attestation/wire/decode.js';
import { bootEvents } from './boot-events.js';
import type { DevelopmentApp } from './boot-events.js';
import { createDevelopmentCollateralGetter } from './tdx-collateral.js';
import type { TcbVerdict } from './tdx-collateral.js';
import { createDevelopmentTdxPki } from './tdx-pki.js';
import { createDevelopmentQuoter } from './tdx-quote.js';
import { DevelopmentTrustDomain } from './trust-domain.js';
import type { TrustDomainOptions } from './trust-domain.js';

export interface DevelopmentTdxOptions extends TrustDomainOptions {
  /** 32 bytes. */
  readonly seed: Uint8Array;
  /** Unix seconds; dates the collateral. */
  readonly clock: () => number;
  /** What was provisioned, or the very run-time events to start with. */
  readonly app: DevelopmentApp | { readonly events: readonly RuntimeEvent[] };
  /** VmConfig JSON for the attestation's `config`; null for one that only names the image. */
  readonly vmConfig: string | null;
  /** Version of the events emitted here; 1 unless app-compose.json says otherwise. */
  readonly eventVersion?: 1 | 2;
  /** Milliseconds a quote takes; 0 unless the latency of real hardware (about a second) is wanted. */
  readonly quoteDelayMs?: number;
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

/** @throws TypeError for a seed, image hash or identity of the wrong length. */
export function createDevelopmentTdx(options: DevelopmentTdxOptions): DevelopmentTdx {
  const version = options.eventVersion ?? 1;
  const pki = createDevelopmentTdxPki(options.seed);
  const domain = new DevelopmentTrustDomain(createDevelopmentQuoter(options.seed, pki), options);
  for (const event of firstEvents(options)) domain.extend(event);
  return {
    variant: 'dstack-tdx',
    development: true,
    root: pki.root,
    collateral: createDevelopmentCollateralGetter(pki, options.clock, options.tcb),
    nsmDocument: null,
    async attest(reportData, signal) {
      await quoteTime(options, reportData, signal);
      const { runtimeEvents } = domain;
      return {
        wire: wireFor(runtimeEvents),
        platform: { kind: 'tdx', ...domain.quoted(reportData) },
        stack: { kind: 'dstack', reportData: Uint8Array.from(reportData), runtimeEvents, config: vmConfigOf(options), reportDataPayload: null },
      };
    },
    async emitEvent(event, payload) {
      domain.extend({ event, payload: Uint8Array.from(payload), version });
    },
  };
}

/** The events a machine starts with. @throws TypeError for an identity of the wrong length */
export function firstEvents({ app, eventVersion = 1 }: Pick<DevelopmentTdxOptions, 'app' | 'eventVersion'>): readonly RuntimeEvent[] {
  return 'events' in app ? app.events : bootEvents(app, eventVersion);
}

/** Waits as long as a quote takes. @throws TypeError unless there are 64 bytes to be quoted; AbortError */
export async function quoteTime({ quoteDelayMs = 0 }: Pick<DevelopmentTdxOptions, 'quoteDelayMs'>, reportData: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
  if (reportData.length !== 64) throw new TypeError('reportData must be 64 bytes');
  signal?.throwIfAborted();
  if (quoteDelayMs > 0) await delay(quoteDelayMs, undefined, signal === undefined ? {} : { signal });
}

/** What goes into the attestation's `config`. */
export function vmConfigOf({ vmConfig, imageHash }: Pick<DevelopmentTdxOptions, 'vmConfig' | 'imageHash'>): string {
  return vmConfig ?? JSON.stringify({ os_image_hash: Buffer.from(imageHash).toString('hex') });
}
