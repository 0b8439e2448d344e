import type { CollateralRequest } from '../attestation/collateral.js';
import type { AcceptedCollateral } from '../attestation/dcap/accept-collateral.js';
import { type CollateralCode, CollateralError } from '../errors/collateral-error.js';
import { Circuit } from './circuit.js';
import type { AcceptCollateral, CollateralSource } from './collateral-source.js';
import { NoAnswer, UnwantedStatus } from './http-get.js';
import { askPccs } from './pccs-endpoint.js';
import { backoff, type BackoffRange, SYSTEM_TIMING, type Timing } from './timing.js';

export const DEFAULT_PCCS_URL = 'https://pccs.phala.network';

const DEFAULT_REQUEST_MS = 10_000;
/** Times every address is tried for one call. */
const ROUNDS = 2;
/** Milliseconds between them. */
const PAUSE: BackoffRange = { first: 500, most: 5_000 };

export interface PccsOptions {
  /** Base addresses, asked in order until one delivers what is accepted. */
  readonly urls: readonly string[];
  readonly accept: AcceptCollateral;
  /** Milliseconds for one request (default 10 s). */
  readonly requestMs?: number;
  readonly timing?: Timing;
  /** Ends what is in flight. */
  readonly signal?: AbortSignal;
  /** Told the outcome at every address asked; `endpoint` is its place among `urls`, `error` null when it delivered. */
  readonly observe?: (endpoint: number, error: CollateralError | null) => void;
}

/**
 * Collateral from a PCCS or from Intel, fetched anew on each call (spec/attestation.md section 6.6). What one address delivers and
 * `accept` refuses is as if it had delivered nothing: the next one is asked. Addresses that do not answer are left alone for
 * some seconds; when that is all of them the call fails at once.
 * @throws CollateralError from `fetch`: the gravest failure met
 */
export function createPccs({ urls, accept, requestMs = DEFAULT_REQUEST_MS, timing = SYSTEM_TIMING, signal = new AbortController().signal, observe = () => undefined }: PccsOptions): CollateralSource {
  if (urls.length === 0) throw new TypeError('at least one PCCS address is needed');
  const endpoints = urls.map((url, index) => new Endpoint(async (wanted) => accept(await askPccs(url, wanted, { requestMs, signal }), wanted), new Circuit(timing), (error) => observe(index, error)));
  return {
    async fetch(wanted) {
      const failures: CollateralError[] = [];
      for (let round = 1; round <= ROUNDS && !signal.aborted; round++) {
        const outcome = await inOrder(endpoints, wanted, failures);
        if (outcome !== null) return outcome;
        if (round === ROUNDS || !failures.slice(-endpoints.length).some(mayPass)) break;
        await timing.sleep(backoff(round, PAUSE, () => timing.random()), signal).catch(() => undefined);
      }
      throw gravest(failures) ?? new CollateralError('COLLATERAL_UNAVAILABLE', 'no collateral service answered lately; they are left alone for some seconds');
    },
  };
}

class Endpoint {
  readonly #ask: (wanted: CollateralRequest) => Promise<AcceptedCollateral>;
  readonly #circuit: Circuit;
  readonly #observe: (error: CollateralError | null) => void;

  constructor(ask: (wanted: CollateralRequest) => Promise<AcceptedCollateral>, circuit: Circuit, observe: (error: CollateralError | null) => void) {
    this.#ask = ask;
    this.#circuit = circuit;
    this.#observe = observe;
  }

  /** null when it is left alone. @throws CollateralError */
  async fetch(wanted: CollateralRequest): Promise<AcceptedCollateral | null> {
    if (!this.#circuit.admits()) return null;
    try {
      const accepted = await this.#ask(wanted);
      this.#circuit.answered();
      this.#observe(null);
      return accepted;
    } catch (error) {
      if (error instanceof CollateralError && error.cause instanceof NoAnswer) this.#circuit.silent();
      else this.#circuit.answered();
      if (error instanceof CollateralError) this.#observe(error);
      throw error;
    }
  }
}

async function inOrder(endpoints: readonly Endpoint[], wanted: CollateralRequest, failures: CollateralError[]): Promise<AcceptedCollateral | null> {
  for (const endpoint of endpoints) {
    try {
      const accepted = await endpoint.fetch(wanted);
      if (accepted !== null) return accepted;
    } catch (error) {
      if (!(error instanceof CollateralError)) throw error;
      failures.push(error);
    }
  }
  return null;
}

/** Whether the same question may have another answer in a moment. */
function mayPass({ cause }: CollateralError): boolean {
  return cause instanceof NoAnswer || (cause instanceof UnwantedStatus && (cause.status >= 500 || cause.status === 429));
}

const GRAVITY: Readonly<Record<CollateralCode, number>> = { COLLATERAL_UNAVAILABLE: 0, COLLATERAL_ANSWER_INVALID: 1, COLLATERAL_REJECTED: 2 };

/** What operators should hear of first, and a revocation before all, as no other service's lies undo it; of several alike, the last. */
function gravest(failures: readonly CollateralError[]): CollateralError | null {
  const gravity = ({ code, revokedBy }: CollateralError): number => GRAVITY[code] + (revokedBy === null ? 0 : 1);
  return failures.reduce<CollateralError | null>((worst, failure) => (worst === null || gravity(failure) >= gravity(worst) ? failure : worst), null);
}
