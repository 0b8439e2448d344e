import { ownAsker } from './asker.js';
import { type KeyAlgorithm, parseKeyAlgorithm } from './key-algorithm.js';
import type { QuoteAnswer, Quoter } from './quote.js';
import { createRecent } from './recent.js';
import type { AppSigner } from './sign.js';

/** Evidence naming the public key of Sign. @throws ServiceError INVALID_ARGUMENT for an unknown algorithm */
export type AppKeyAttester = (algorithm: string) => Promise<QuoteAnswer>;

/** Nothing in the answer depends on the caller, so that strangers cannot make the hardware work for them. */
const MAX_AGE_MS = 60_000;

export interface AppKeyAttesterOptions {
  readonly quoter: Quoter;
  readonly signer: AppSigner;
  /** Milliseconds, never going back. */
  readonly now: () => number;
  readonly generation: () => number;
}

export function createAppKeyAttester({ quoter, signer, now, generation }: AppKeyAttesterOptions): AppKeyAttester {
  const recent = (algorithm: KeyAlgorithm): ReturnType<typeof createRecent<QuoteAnswer>> =>
    createRecent({ make: () => quoter.getQuote(appKeyReportData(algorithm, signer.publicKey(algorithm)), undefined, ownAsker('application key')), maxAgeMs: MAX_AGE_MS, now, generation });
  const answers = { secp256k1: recent('secp256k1'), ed25519: recent('ed25519') };
  return async (name) => (await answers[parseKeyAlgorithm(name)].get()).value;
}

const PREFIX: Readonly<Record<KeyAlgorithm, string>> = { ed25519: 'dip1::ed25519-pk:', secp256k1: 'dip1::secp256k1c-pk:' };

/** ASCII text, 60 or 64 bytes: the key's kind and its base64url without padding (spec/guest-agent.md section 8). */
export function appKeyReportData(algorithm: KeyAlgorithm, publicKey: Uint8Array): Uint8Array {
  return Buffer.from(PREFIX[algorithm] + Buffer.from(publicKey).toString('base64url'), 'latin1');
}
