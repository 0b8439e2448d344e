import { createHash } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { CollateralGetter } from '../attestation/collateral.js';
import { eventDigest } from '../attestation/event-log/runtime-event.js';
import type { RuntimeEvent } from '../attestation/evidence/attestation.js';
import type { EvidenceSource } from '../attestation/evidence/evidence-source.js';
import { wireFor } from '../attestation/wire/decode.js';
import { gcpFirmwareLog } from './gcp-firmware.js';
import { createDevelopmentCollateralGetter } from './tdx-collateral.js';
import { createDevelopmentTdxPki } from './tdx-pki.js';
import { type DevelopmentTdxOptions, firstEvents, quoteTime, vmConfigOf } from './tdx-platform.js';
import { createDevelopmentQuoter } from './tdx-quote.js';
import { createDevelopmentTpmPki } from './tpm-pki.js';
import { DevelopmentTrustDomain } from './trust-domain.js';
import { DevelopmentVtpm, RUNTIME_PCR } from './vtpm.js';

export interface DevelopmentGcpTdxOptions extends DevelopmentTdxOptions {
  /** SHA-256 Authenticode digest of the kernel image it boots, 32 bytes. */
  readonly ukiDigest: Uint8Array;
  /** Private key of the vTPM, P-256 or RSA; that of the seed unless given. */
  readonly attestationKey?: KeyObject;
  /** Base address its certificates say they are published at; one that never resolves unless given (src/simulator/tpm-pki.ts). */
  readonly publishedAt?: string;
}

/** A TDX machine of Google's cloud: two proofs, each signed by the development PKI of its seed. */
export interface DevelopmentGcpTdx extends EvidenceSource {
  readonly variant: 'dstack-gcp-tdx';
  readonly development: true;
  readonly emitEvent: NonNullable<EvidenceSource['emitEvent']>;
  /** Collateral for its quotes. */
  readonly collateral: CollateralGetter;
  /** Development root CAs of TDX and of the vTPM, DER. */
  readonly roots: readonly [Uint8Array, Uint8Array];
}

/** Zeros at the end of the quotes of real machines: what the vTPM signs covers them (trap T4). */
const QUOTE_PADDING = new Uint8Array(70);

/** @throws TypeError for a seed, image hash, digest or identity of the wrong length. */
export function createDevelopmentGcpTdx(options: DevelopmentGcpTdxOptions): DevelopmentGcpTdx {
  const { seed, clock, attestationKey = null, publishedAt } = options;
  const pki = createDevelopmentTdxPki(seed);
  const tpmPki = createDevelopmentTpmPki(seed, { attestationKey, ...(publishedAt === undefined ? {} : { base: publishedAt }) });
  const domain = new DevelopmentTrustDomain(createDevelopmentQuoter(seed, pki), options);
  const vtpm = new DevelopmentVtpm(tpmPki, gcpFirmwareLog(options.ukiDigest), clock);
  const extend = (event: RuntimeEvent): void => {
    domain.extend(event);
    vtpm.extend(RUNTIME_PCR, eventDigest(event, 'sha256'));
  };
  for (const event of firstEvents(options)) extend(event);
  return {
    variant: 'dstack-gcp-tdx',
    development: true,
    roots: [pki.root, tpmPki.root],
    collateral: createDevelopmentCollateralGetter(pki, clock, options.tcb),
    nsmDocument: null,
    async attest(reportData, signal) {
      await quoteTime(options, reportData, signal);
      const { runtimeEvents } = domain;
      const { quote, eventLog } = domain.quoted(reportData);
      const padded = new Uint8Array(Buffer.concat([quote, QUOTE_PADDING]));
      return {
        wire: wireFor(runtimeEvents),
        platform: { kind: 'gcp-tdx', quote: padded, eventLog, tpmQuote: vtpm.quote(createHash('sha256').update(padded).digest()) },
        stack: { kind: 'dstack', reportData: Uint8Array.from(reportData), runtimeEvents, config: vmConfigOf(options), reportDataPayload: null },
      };
    },
    async emitEvent(event, payload) {
      extend({ event, payload: Uint8Array.from(payload), version: options.eventVersion ?? 1 });
    },
  };
}
