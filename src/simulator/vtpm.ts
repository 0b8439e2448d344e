import type { TpmEvent, TpmQuote } from '../attestation/evidence/attestation.js';
import { replayPcr } from '../attestation/tpm/pcrs.js';
import { sha256 } from '../crypto/sha256.js';
import type { DevelopmentTpmPki } from './tpm-pki.js';
import { tpmAttest, tpmSignature } from './tpm-quote.js';

/** Firmware, kernel image, run-time events: what dstack quotes on GCP (spec/attestation.md section 1.7). */
const QUOTED = [0, 2, 14] as const;
export const RUNTIME_PCR = 14;

/** What a quote is about. */
export interface TpmState extends Pick<TpmQuote, 'pcrValues' | 'eventLog'> {
  /** 32 bytes. */
  readonly qualifyingData: Uint8Array;
  /** Milliseconds since power-on. */
  readonly upMs: number;
}

/** A quote by the key of a PKI over values that are given. */
export function signTpmQuote({ akKey, akCert }: DevelopmentTpmPki, { qualifyingData, pcrValues, eventLog, upMs }: TpmState): TpmQuote {
  const message = tpmAttest({
    signer: Buffer.concat([Buffer.from('000b', 'hex'), sha256(akKey.spki)]),
    qualifyingData,
    clock: BigInt(upMs),
    indices: pcrValues.map(({ index }) => index),
    pcrDigest: sha256(...pcrValues.map(({ value }) => value)),
  });
  return { message, signature: tpmSignature(akKey.privateKey, message), pcrValues, akCert, platform: 'gcp', eventLog };
}

/** The SHA-256 bank of a vTPM after a boot, and its attestation key. Synchronous, so that no quote sees half a change. */
export class DevelopmentVtpm {
  readonly #pki: DevelopmentTpmPki;
  readonly #log: readonly TpmEvent[];
  readonly #pcrs = new Map<number, Uint8Array>();
  readonly #clock: () => number;
  readonly #started: number;

  /** @param clock Unix seconds */
  constructor(pki: DevelopmentTpmPki, firmwareLog: readonly TpmEvent[], clock: () => number) {
    this.#pki = pki;
    this.#log = firmwareLog;
    this.#clock = clock;
    this.#started = clock();
    for (const index of QUOTED) this.#pcrs.set(index, replayPcr(firmwareLog.filter(({ pcrIndex }) => pcrIndex === index)));
  }

  /** PCR := SHA256(PCR ‖ digest). @param digest 32 bytes */
  extend(index: (typeof QUOTED)[number], digest: Uint8Array): void {
    this.#pcrs.set(index, sha256(this.#pcr(index), digest));
  }

  /** @param qualifyingData 32 bytes */
  quote(qualifyingData: Uint8Array): TpmQuote {
    const pcrValues = QUOTED.map((index) => ({ index, algorithm: 'sha256', value: this.#pcr(index) }));
    const upMs = Math.max(0, Math.round((this.#clock() - this.#started) * 1000));
    return signTpmQuote(this.#pki, { qualifyingData, pcrValues, eventLog: this.#log, upMs });
  }

  #pcr(index: number): Uint8Array {
    return this.#pcrs.get(index) ?? new Uint8Array(32);
  }
}
