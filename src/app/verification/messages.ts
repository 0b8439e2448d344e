import type { PublishedKind } from '../../attestation/certificate-fetcher.js';
import type { CollateralRequest, QuoteCollateral } from '../../attestation/collateral.js';
import type { Attestation } from '../../attestation/evidence/attestation.js';
import type { VerifiedAttestation } from '../../attestation/evidence/verified.js';
import type { TrustRoots } from '../../attestation/trust-roots.js';
import type { PackedError } from './packed-error.js';

/** What a thread is made with. */
export interface ThreadData {
  readonly roots: TrustRoots;
  readonly amdKdsUrl: string;
}

/** To a thread: evidence to verify as of `now` (unix seconds), and answers to what it asked. */
export type ToThread =
  | { readonly kind: 'verify'; readonly job: number; readonly attestation: Attestation; readonly now: number }
  | { readonly kind: 'answer'; readonly question: number; readonly answer: Answer };

/** From a thread. The attestation is not sent back: whoever asked has it. */
export type FromThread =
  | { readonly kind: 'verified'; readonly job: number; readonly verified: Omit<VerifiedAttestation, 'attestation'> }
  | { readonly kind: 'refused'; readonly job: number; readonly error: PackedError }
  | { readonly kind: 'question'; readonly question: number; readonly about: Question }
  | { readonly kind: 'judge'; readonly url: string; readonly published: PublishedKind; readonly verified: boolean };

export type Question =
  /** `held`: edition of the collateral the thread has for this request, or null. `genuine`: the quote is, as far as can be told without collateral. */
  | { readonly of: 'collateral'; readonly request: CollateralRequest; readonly held: number | null; readonly genuine: boolean }
  | { readonly of: 'published'; readonly url: string; readonly published: PublishedKind };

export type Answer =
  /** `collateral` is null when the thread holds that edition. */
  | { readonly of: 'collateral'; readonly edition: number; readonly collateral: QuoteCollateral | null }
  /** Collateral would have to be fetched: to be asked for again once the quote was found genuine without. */
  | { readonly of: 'unfetched' }
  | { readonly of: 'published'; readonly body: Uint8Array }
  | { readonly of: 'failure'; readonly error: PackedError };
